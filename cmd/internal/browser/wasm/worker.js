importScripts('wasm_exec.js');
const say = (kind, text) => postMessage({ kind, text });
const decoder = new TextDecoder();
fs.writeSync = (fd, bytes) => {
	say('log', decoder.decode(bytes, { stream: true }));
	return bytes.length;
};
const log = console.error;
console.error = (...args) => {
	log(...args);
	say('error', args.join(' '));
};
(async () => {
	const go = new Go();
	const { argv, env } = await (await fetch('start.json')).json();
	Object.assign(go, { argv, env, exit: code => say('info', 'exit ' + code) });
	const { instance } = await WebAssembly.instantiateStreaming(fetch('program.wasm'), go.importObject);
	await go.run(instance);
})().catch(e => {
	say('error', '' + e);
	say('info', 'exit 1');
});
