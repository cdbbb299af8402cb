// node tint.mjs FILE.wgsl...: prints what tint, the WGSL compiler in Dawn, has against each file,
// one line a complaint, and exits 1 if there are errors. `npm ci` in this folder installs it.
// Dawn's null backend needs no adapter.
import { readFileSync } from 'node:fs';
import { create } from 'webgpu';

globalThis.gpu = create(['backend=null']); // global, because Dawn crashes if it is collected while in use
const adapter = await gpu.requestAdapter();
const device = await adapter.requestDevice();
for (const file of process.argv.slice(2)) {
	device.pushErrorScope('validation'); // the same messages again, which would go to stderr
	const module = device.createShaderModule({ code: readFileSync(file, 'utf8') });
	const { messages } = await module.getCompilationInfo();
	await device.popErrorScope();
	for (const { type, lineNum, linePos, message } of messages) {
		console.log(`${file}:${lineNum}:${linePos} ${type}: ${message}`);
		if (type === 'error') process.exitCode = 1;
	}
}
device.destroy();
delete globalThis.gpu; // else node never exits
