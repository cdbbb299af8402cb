// The square for the user's own image: drawn with a mouse or a finger, or taken by the camera.
// Images go to the program one at a time: the newest is sent when the program has taken the last.
'use strict';
function square(canvas, { clear, camera, invert, send, say }) {
	const brush = canvas.width / 12,
		liveEvery = 200; // a line as thick as those of MNIST; milliseconds
	const context = canvas.getContext('2d', { willReadFrequently: true });
	let name,
		changed = false,
		sent = false,
		at,
		stream;

	const flush = () => {
		if (!changed || sent) return;
		changed = false;
		sent = true;
		const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
		send('image', { name, width, height, bytes: new Uint8Array(data.buffer) }, [data.buffer]);
	};
	const show = what => {
		name = what;
		changed = true;
		flush();
	};
	const empty = () => {
		context.fillStyle = 'black';
		context.fillRect(0, 0, canvas.width, canvas.height);
	};
	empty();
	clear.onclick = () => {
		stop();
		empty();
		show('Your drawing');
	};

	const place = e => [
		(e.offsetX * canvas.width) / canvas.clientWidth,
		(e.offsetY * canvas.height) / canvas.clientHeight,
	];
	canvas.onpointerdown = e => {
		if (e.button !== 0) return;
		canvas.setPointerCapture(e.pointerId);
		stop();
		at = place(e);
		canvas.onpointermove(e); // a dot
	};
	canvas.onpointermove = e => {
		if (!at) return;
		Object.assign(context, { strokeStyle: 'white', lineWidth: brush, lineCap: 'round' });
		context.beginPath();
		context.moveTo(...at);
		at = place(e);
		context.lineTo(...at);
		context.stroke();
		show('Your drawing');
	};
	canvas.onpointerup = canvas.onpointercancel = () => {
		at = undefined;
	};

	const why = {
		NotAllowedError: 'The browser may not use the camera: allow it in the site settings beside the address.',
		NotFoundError: 'There is no camera.',
		NotReadableError: 'The camera is in use by another program.',
	};
	const stop = () => {
		asked = undefined;
		for (const track of stream?.getTracks() ?? []) track.stop();
		stream = undefined;
		camera.setAttribute('aria-pressed', false);
	};
	let asked; // the last request for a camera
	async function live() {
		const ask = (asked = {});
		if (!navigator.mediaDevices) throw new Error('A camera needs a page from https or from this computer.');
		const video = document.createElement('video');
		const mine = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
		if (asked !== ask) {
			// the user has clicked something else meanwhile
			for (const track of mine.getTracks()) track.stop();
			return;
		}
		stream = mine;
		camera.setAttribute('aria-pressed', true);
		Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
		await video.play();
		mine.getVideoTracks()[0].onended = stop; // for example when it is unplugged
		const look = () => {
			if (stream !== mine) return;
			const side = Math.min(video.videoWidth, video.videoHeight);
			context.drawImage(
				video,
				(video.videoWidth - side) / 2,
				(video.videoHeight - side) / 2,
				side,
				side,
				0,
				0,
				canvas.width,
				canvas.height,
			);
			if (invert.checked) {
				Object.assign(context, { globalCompositeOperation: 'difference', fillStyle: 'white' });
				context.fillRect(0, 0, canvas.width, canvas.height);
				context.globalCompositeOperation = 'source-over';
			}
			show('The camera');
			setTimeout(look, liveEvery);
		};
		look();
	}
	camera.onclick = () => {
		if (stream) return stop();
		say('');
		live().catch(e => {
			stop();
			say(why[e.name] ?? e.message);
		});
	};
	return {
		taken() {
			sent = false;
			flush();
		},
	};
}
