// The page: what the user does goes to the worker, where the Go program runs, and what that says is shown. Messages from it
// have data (attributes of the body), text (by the id of an element), classes (with probabilities), taken (the image of the
// square) and file (to be downloaded).
'use strict';
const $ = id => document.getElementById(id);
const canvas = $('scene'), form = $('settings');
const show = ({ data, text, file, classes }) => {
	Object.assign(document.body.dataset, data);
	for (const id in text) {
		$(id).textContent = text[id];
		$(id).hidden = false;
	}
	$('copy').hidden = $('report').hidden;
	if (classes) {
		$('classes').replaceChildren(...classes.map(([name, share]) => {
			const li = document.createElement('li'), percent = document.createElement('span');
			percent.textContent = (100 * share).toFixed(1) + ' %';
			li.append(name, ' ', percent);
			li.style.setProperty('--share', share);
			return li;
		}));
	}
	if (file) {
		const a = document.createElement('a');
		a.href = URL.createObjectURL(new Blob([file.bytes]));
		a.download = file.name;
		a.click();
		setTimeout(() => URL.revokeObjectURL(a.href), 60000);
	}
};

if (!navigator.gpu || !canvas.transferControlToOffscreen) {
	show({ data: { state: 'unsupported' } });
} else {
	const query = new URLSearchParams(location.search);
	for (const [name, value] of query) if (form.elements[name]) form.elements[name].value = value;
	const settings = () => Object.fromEntries(new FormData(form));
	const size = () => ({ width: canvas.clientWidth * devicePixelRatio | 0, height: canvas.clientHeight * devicePixelRatio | 0, scale: devicePixelRatio });

	const worker = new Worker('worker.js');
	const send = (kind, fields, transfer) => worker.postMessage({ kind, ...fields }, transfer);
	const own = square($('square'), { clear: $('clear'), camera: $('camera'), invert: $('invert'), send, say: text => show({ text: { error: text } }) });
	worker.onmessage = e => {
		show(e.data);
		if (e.data.taken) own.taken();
	};
	worker.onerror = e => show({ data: { state: 'failed' }, text: { error: e.message } });
	const screen = canvas.transferControlToOffscreen();
	send('open', { canvas: screen, ...size(), start: query.get('start') === '1', settings: settings() }, [screen]);

	new ResizeObserver(() => send('size', size())).observe(canvas);
	form.onsubmit = e => e.preventDefault();
	document.addEventListener('click', e => {
		const { do: what, key } = e.target.dataset ?? {};
		if (what) send('do', { what, settings: settings() });
		if (key) send('key', { key });
	});
	$('copy').onclick = () => navigator.clipboard.writeText($('report').textContent);
	canvas.addEventListener('keydown', e => {
		if (e.ctrlKey || e.metaKey || e.altKey || e.key === 'Tab') return; // Tab leaves the canvas: . and , are its keys too
		send('key', { key: e.key });
		if (e.key.length === 1 || /^(Arrow|Page|End|Delete|Enter)/.test(e.key)) e.preventDefault();
	});
	for (const kind of ['pointermove', 'pointerdown', 'pointerup', 'pointercancel']) {
		canvas.addEventListener(kind, e => {
			if (kind === 'pointerdown') canvas.setPointerCapture(e.pointerId);
			send(kind, { x: e.offsetX * devicePixelRatio, y: e.offsetY * devicePixelRatio });
		});
	}
	const give = async file => file && send('file', { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
	$('file').onchange = e => give(e.target.files[0]);
	document.ondragover = e => e.preventDefault();
	document.ondrop = e => {
		e.preventDefault();
		give(e.dataTransfer.files[0]);
	};
}
