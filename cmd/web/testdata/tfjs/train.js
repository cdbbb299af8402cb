// Trains the network of nin.Mini with TensorFlow.js on random images, and resolves to the images/s
// of all steps but the first, which compiles. It leaves out weight decay, which costs TensorFlow.js
// nothing.
'use strict';
async function train(backend, batch, steps) {
	tf.wasm.setWasmPaths('node_modules/@tensorflow/tfjs-backend-wasm/dist/');
	if (!(await tf.setBackend(backend))) throw new Error('the backend ' + backend + ' does not start');
	await tf.ready();
	const { conv2d, maxPooling2d, dropout, globalAveragePooling2d } = tf.layers;
	const block = (filters, kernelSize, last = 'relu') =>
		[
			[kernelSize, 'relu'],
			[1, 'relu'],
			[1, last],
		].map(([kernelSize, activation]) => ({
			filters,
			kernelSize,
			activation,
			padding: 'same',
			kernelInitializer: 'heUniform',
		}));
	const pool = () => maxPooling2d({ poolSize: 3, strides: 2 });
	const model = tf.sequential();
	model.add(conv2d({ ...block(32, 5)[0], inputShape: [28, 28, 1] }));
	for (const l of block(32, 5).slice(1)) model.add(conv2d(l));
	model.add(pool());
	for (const channels of [64, 96]) {
		for (const l of block(channels, 3)) model.add(conv2d(l));
		model.add(pool());
	}
	model.add(dropout({ rate: 0.2 }));
	for (const l of block(10, 3, 'linear')) model.add(conv2d(l));
	model.add(globalAveragePooling2d({}));
	if (model.countParams() !== 112646) throw new Error(model.countParams() + ' parameters; want those of nin.Mini');
	const optimizer = tf.train.momentum(0.01, 0.9);
	const x = tf.randomUniform([batch, 28, 28, 1]),
		y = tf.oneHot(tf.range(0, batch, 1, 'int32').mod(tf.scalar(10, 'int32')), 10);
	const losses = [];
	let start;
	for (let i = 0; i <= steps; i++) {
		const cost = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true })), true);
		losses.push((await cost.data())[0]);
		cost.dispose();
		if (i === 0) start = performance.now();
	}
	return { rate: ((steps * batch) / (performance.now() - start)) * 1000, losses };
}
