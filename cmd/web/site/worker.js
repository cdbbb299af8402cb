// The worker that runs the Go program. Messages of the page wait in inbox until the program sets
// receive.
'use strict';
importScripts('files.js', 'wasm_exec.js');
globalThis.inbox = [];
onmessage = e => (globalThis.receive ? globalThis.receive(e.data) : inbox.push(e.data));
(async () => {
	await files.load();
	const go = new Go();
	go.argv = ['page'];
	const packed = await fetch('page.wasm.packed');
	if (!packed.ok) throw new Error('page.wasm.packed: ' + packed.status + ' ' + packed.statusText);
	const program = new Response(packed.body.pipeThrough(new DecompressionStream('gzip')), {
		headers: { 'Content-Type': 'application/wasm' },
	});
	const { instance } = await WebAssembly.instantiateStreaming(program, go.importObject);
	await go.run(instance);
	throw new Error('The program has ended.');
})().catch(e =>
	postMessage({
		data: { state: 'failed', dead: '' },
		text: { status: '', error: e.message + ' Load the page again.' },
	}),
);
