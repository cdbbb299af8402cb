// The page sends the user's actions to the worker, where the Go program runs, and shows the
// answers. Messages from the worker have data (attributes of the body, null for none), text (by the
// id of an element), append (to a text), classes (with probabilities), taken (the program took the
// image of the square) and file (a download).
'use strict';
const $ = id => document.getElementById(id);
const canvas = $('scene'),
	form = $('settings');
const now = document.body.dataset;
const idle = () => ['ready', 'done', 'failed'].includes(now.state) && !('dead' in now);
const training = () => ['training', 'paused'].includes(now.state);
// Conditions for buttons that are not simply enabled while the program is idle.
const able = {
	pause: training,
	step: training,
	stop: () => training() || 'busy' in now,
	resume: () => idle() && 'checkpoint' in now && !('hash' in now),
	test: () => idle() && 'model' in now,
	safetensors: () => idle() && 'model' in now,
	onnx: () => idle() && 'model' in now,
};
const show = ({ data, text, append, file, classes }) => {
	Object.assign(now, data);
	for (const name in data) if (data[name] === null) delete now[name];
	for (const button of document.querySelectorAll('[data-do]')) button.disabled = !(able[button.dataset.do] ?? idle)();
	$('pause').textContent = now.state === 'paused' ? 'Continue' : 'Pause';
	$('start').textContent = able.resume() ? 'Start over' : 'Start';
	if (text && 'status' in text) $('progress').textContent = '';
	for (const id in text) {
		if ($(id).textContent !== text[id]) $(id).textContent = text[id]; // do not make screen readers repeat a text
		$(id).hidden = false;
	}
	if (classes) {
		$('classes').replaceChildren(
			...classes.map(([name, share]) => {
				const li = document.createElement('li'),
					percent = document.createElement('span');
				percent.textContent = (100 * share).toFixed(1) + ' %';
				li.append(name, ' ', percent);
				li.style.setProperty('--share', share);
				return li;
			}),
		);
	}
	for (const id in append) $(id).append(append[id]);
	$('copy').hidden = $('report').hidden;
	if (file) {
		const a = document.createElement('a');
		a.href = URL.createObjectURL(new Blob([file.bytes]));
		a.download = file.name;
		a.click();
		setTimeout(() => URL.revokeObjectURL(a.href), 60000);
	}
};

if (!navigator.gpu || !canvas.transferControlToOffscreen) {
	if (!isSecureContext)
		$('unsupported').textContent =
			'A browser offers its GPU only to pages from https or from the same computer: open this page that way.';
	show({ data: { state: 'unsupported' } });
} else {
	show({}); // disables the buttons while the program loads
	const query = new URLSearchParams(location.search);
	for (const [name, value] of query) {
		const field = form.elements.namedItem(name);
		if (!field) continue;
		const before = field.value;
		field.value = value;
		if (field.value !== value) field.value = before; // the program reports the wrong value
	}
	const settings = () => ({ selftest: query.get('selftest') ?? '', ...Object.fromEntries(new FormData(form)) });
	const size = () => ({
		width: (canvas.clientWidth * devicePixelRatio) | 0,
		height: (canvas.clientHeight * devicePixelRatio) | 0,
		scale: devicePixelRatio,
	});

	const worker = new Worker('worker.js');
	const send = (kind, fields, transfer) => worker.postMessage({ kind, ...fields }, transfer);
	const own = square($('square'), {
		clear: $('clear'),
		camera: $('camera'),
		invert: $('invert'),
		send,
		say: text => show({ text: { error: text } }),
	});
	worker.onmessage = e => {
		show(e.data);
		if (e.data.taken) own.taken();
	};
	worker.onerror = e =>
		show({ data: { state: 'failed', dead: '' }, text: { status: '', error: e.message + ' Load the page again.' } });
	const screen = canvas.transferControlToOffscreen();
	send(
		'open',
		{
			canvas: screen,
			...size(),
			start: query.get('start') === '1',
			settings: { ...settings(), ...Object.fromEntries(query) },
		},
		[screen],
	);

	new ResizeObserver(() => send('size', size())).observe(canvas);
	form.onsubmit = e => e.preventDefault();
	document.addEventListener('click', e => {
		const { do: what, key } = e.target.dataset ?? {};
		if (['start', 'bench', 'test'].includes(what) && !form.reportValidity()) return; // these use the settings
		if (what) send('do', { what, settings: settings() });
		if (key) send('key', { key });
	});
	$('copy').onclick = () =>
		navigator.clipboard.writeText($('report').textContent).catch(e => show({ text: { error: e.message } }));
	canvas.addEventListener('keydown', e => {
		// On many keyboards the brackets need AltGr or Option. Tab moves the focus out of the
		// canvas; . and , do the same as Tab in the scene.
		const sign = /^[^a-z0-9]$/i.test(e.key) && (e.getModifierState('AltGraph') || (e.altKey && !e.ctrlKey));
		if (e.metaKey || ((e.ctrlKey || e.altKey) && !sign) || e.key === 'Tab') return;
		send('key', { key: e.key });
		if (e.key.length === 1 || /^(Arrow|Page|End|Delete|Enter)/.test(e.key)) e.preventDefault();
	});
	for (const kind of ['pointermove', 'pointerdown', 'pointerup', 'pointercancel']) {
		canvas.addEventListener(kind, e => {
			if (kind === 'pointerdown') {
				if (e.button !== 0) return;
				canvas.setPointerCapture(e.pointerId);
			}
			send(kind, { x: e.offsetX * devicePixelRatio, y: e.offsetY * devicePixelRatio });
		});
	}
	const most = 256 << 20; // largest size of a file in bytes
	const give = async file => {
		if (!file || now.state === 'unsupported') return;
		try {
			if (file.size > most)
				throw new Error(file.name + ' has ' + file.size + ' bytes; want an image, or weights of at most ' + most);
			const bytes = new Uint8Array(await file.arrayBuffer());
			send('file', { name: file.name, bytes }, [bytes.buffer]);
		} catch (e) {
			show({ text: { error: e.message } });
		}
	};
	$('file').onchange = e => {
		give(e.target.files[0]);
		e.target.value = ''; // so that the same file can be chosen again
	};
	document.ondragover = e => e.preventDefault();
	document.ondrop = e => {
		e.preventDefault();
		give(e.dataTransfer.files[0]);
	};
}
