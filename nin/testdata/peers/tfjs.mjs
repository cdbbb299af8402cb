// node tfjs.mjs [--recipe d2l] [--batch 4] [--steps 3] [--layer PATH] [--adapter NAME]
//
// Measures a recipe's network in TensorFlow.js on Dawn's WebGPU, and prints a part of the JSON of
// `go run ./cmd/nin bench -json`: images/s in training and prediction, and the passes of each
// convolution on its own, with bias and ReLU. Times are medians of --steps runs after a warm-up run,
// and the program waits for the end of each run. `npm ci --ignore-scripts` in this folder installs
// the packages.
import { parseArgs } from 'node:util';
import { createRequire } from 'node:module';
import { create, globals } from 'webgpu';

const require = createRequire(import.meta.url);
const { values: options } = parseArgs({
	options: {
		recipe: { type: 'string', default: 'd2l' },
		batch: { type: 'string', default: '4' },
		steps: { type: 'string', default: '3' },
		layer: { type: 'string', default: '' }, // only layers whose path begins with this, such as 2.0; "none" for no layer
		adapter: { type: 'string' }, // part of a name; without it, Dawn chooses
	},
});
const batch = Number(options.batch),
	steps = Number(options.steps);

// Blocks of a convolution (filters, kernel, stride, padding) and two 1x1 convolutions, and whether
// a ReLU follows the very last convolution.
const recipes = {
	d2l: {
		side: 224,
		last: 'relu',
		blocks: [
			[96, 11, 4, 'valid'],
			[256, 5, 1, 'same'],
			[384, 3, 1, 'same'],
			[10, 3, 1, 'same'],
		],
	},
	mini: {
		side: 28,
		last: 'linear',
		blocks: [
			[32, 5, 1, 'same'],
			[64, 3, 1, 'same'],
			[96, 3, 1, 'same'],
			[10, 3, 1, 'same'],
		],
	},
};
const recipe = recipes[options.recipe];
function fail(code, message) {
	console.error(`tfjs.mjs: ${message}`);
	process.exit(code);
}
if (!recipe || !(batch >= 1) || !(steps >= 1)) {
	fail(
		2,
		`recipe ${options.recipe}, batch ${options.batch}, steps ${options.steps}; ` +
			`want one of ${Object.keys(recipes)}, and numbers from 1`,
	);
}

// TensorFlow.js looks for a browser's navigator when it is loaded. It is global, too, because Dawn
// crashes if its instance is collected while in use.
Object.assign(globalThis, globals);
const gpu = create(options.adapter ? [`adapter=${options.adapter}`] : []);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(e => fail(1, e.message)); // as below
if (!adapter) fail(1, 'no WebGPU adapter');
Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true, writable: true });
const tf = { ...require('@tensorflow/tfjs-core'), ...require('@tensorflow/tfjs-layers') };
require('@tensorflow/tfjs-backend-webgpu');
if (!(await tf.setBackend('webgpu'))) fail(1, 'TensorFlow.js has no WebGPU backend here');
const backend = tf.backend(),
	{ device } = backend;

// Resolves to the seconds that f takes on the device.
async function seconds(f) {
	const start = performance.now();
	tf.dispose(f());
	backend.endComputePassEncoder();
	if (backend.commandEncoder) backend.submitQueue();
	await device.queue.onSubmittedWorkDone();
	return (performance.now() - start) / 1e3;
}

async function median(f) {
	const times = [];
	for (let i = 0; i < steps; i++) times.push(await seconds(f));
	times.sort((a, b) => a - b);
	return (times[(steps - 1) >> 1] + times[steps >> 1]) / 2;
}

const net = tf.sequential();
const paths = []; // of the convolutions, as in nin: the block or pooling, then the layer in the block
for (const [i, [filters, kernelSize, strides, padding]] of recipe.blocks.entries()) {
	const conv = settings => net.add(tf.layers.conv2d({ filters, activation: 'relu', ...settings }));
	conv({ kernelSize, strides, padding, ...(i ? {} : { inputShape: [recipe.side, recipe.side, 1] }) });
	conv({ kernelSize: 1 });
	conv({ kernelSize: 1, ...(i < 3 ? {} : { activation: recipe.last }) });
	if (i < 3) net.add(tf.layers.maxPooling2d({ poolSize: 3, strides: 2 }));
	if (i === 2) net.add(tf.layers.dropout({ rate: 0.5 }));
	paths.push(`${2 * i}.0`, `${2 * i}.2`, `${2 * i}.4`);
}
paths.push(...paths.splice(9).map(p => p.replace('6', '7'))); // after the dropout
net.add(tf.layers.globalAveragePooling2d({}));

const images = tf.randomUniform([batch, recipe.side, recipe.side, 1]);
const labels = tf.oneHot(
	Array.from({ length: batch }, (_, i) => i % 10),
	10,
);
const sgd = tf.train.sgd(1e-3);
const step = () =>
	sgd.minimize(() => tf.losses.softmaxCrossEntropy(labels, net.apply(images, { training: true })), true);
const report = {
	program: `TensorFlow.js ${tf.version_core}, webgpu ${require('webgpu/package.json').version}`,
	adapter: adapter.info.device || adapter.info.architecture,
	driver: adapter.info.description,
	recipe: options.recipe,
	batch,
	first_step_seconds: await seconds(step),
};
report.train_images_per_s = batch / (await median(step));
const predict = () => tf.tidy(() => net.apply(images));
await seconds(predict);
report.predict_images_per_s = batch / (await median(predict));
report.kernels = [];
for (const [i, layer] of net.layers.filter(l => l.getClassName() === 'Conv2D').entries()) {
	if (!paths[i].startsWith(options.layer)) continue;
	const [filter, bias] = layer.getWeights();
	const [, h, w, cin] = layer.input.shape,
		[, oh, ow, cout] = layer.output.shape,
		k = filter.shape[0];
	const x = tf.randomNormal([batch, h, w, cin]),
		dy = tf.randomNormal([batch, oh, ow, cout]);
	const attrs = {
		strides: layer.strides,
		pad: layer.padding,
		dataFormat: 'NHWC',
		dilations: [1, 1],
		dimRoundingMode: null,
	};
	const passes = {
		'conv2d/forward+relu': ['FusedConv2D', { x, filter, bias }, { activation: 'relu' }],
		'conv2d/dx': ['Conv2DBackpropInput', { dy, filter }, { inputShape: x.shape }],
		'conv2d/dw': ['Conv2DBackpropFilter', { x, dy }, { filterShape: filter.shape }],
	};
	for (const [kernel, [name, inputs, more]] of Object.entries(passes)) {
		if (i === 0 && kernel === 'conv2d/dx') continue; // the gradient of the images is not needed
		const run = () => tf.engine().runKernel(name, inputs, { ...attrs, ...more });
		await seconds(run);
		const t = await median(run);
		report.kernels.push({
			layer: paths[i],
			kernel,
			shape: `[${batch},${cin}->${cout}] ${h}x${w} ${k}x${k} s${layer.strides[0]}`,
			ms: t * 1e3,
			gflop_per_s: (2 * batch * oh * ow * cout * cin * k * k) / t / 1e9,
		});
	}
	tf.dispose([x, dy]);
}
console.log(JSON.stringify(report, null, 2));
process.exit(); // because Dawn's instance keeps node alive
