// The JavaScript part of a device: the body of a function with the parameters device and
// event(number, error), a callback. device_js.go and encoder_js.go call the functions of its
// result. Commands arrive as one array of numbers, so that a step of hundreds of dispatches takes
// one call and leaves no garbage.
const objects = []; // by number: buffers, pipelines, bind groups, query sets and texture views
let numbers = new Float64Array(4096); // the commands of a submission
let bytes = new Uint8Array(numbers.buffer);

const turn = new MessageChannel(); // because timers of browsers wait for 4 ms or more
turn.port1.onmessage = () => event(-1, '');

const kind = e => (e instanceof GPUOutOfMemoryError ? 'out-of-memory' : (e.reason ?? e.name ?? 'error'));
const text = e => kind(e) + ': ' + e.message;

device.lost.then(info => event(0, 'lost: ' + info.message));
device.addEventListener('uncapturederror', e => event(0, text(e.error)));

// Makes an object of the device. Rejects with the text of an error if WebGPU refuses the
// descriptor.
const attempt = async make => {
	const scopes = ['internal', 'out-of-memory', 'validation'];
	scopes.forEach(s => device.pushErrorScope(s));
	let made, thrown;
	try {
		made = make();
	} catch (e) {
		thrown = e;
	}
	const popped = scopes.map(() => device.popErrorScope());
	try {
		made = await made;
	} catch (e) {
		thrown = e;
	} // a pipeline is a promise
	// The error of an invalid module precedes that of the pipeline made from it.
	const error = (await Promise.all(popped)).find(e => e) ?? thrown;
	if (error) throw text(error);
	return made;
};

// The commands, by their first number. Each reads its other numbers from n[i] on, and returns the
// index of the next command.
let encoder, pass;
const commands = [
	(n, i) => {
		// begin a pass with no timestamps, or with two
		const set = objects[n[i]];
		pass = encoder.beginComputePass(
			set && {
				timestampWrites: {
					querySet: set,
					beginningOfPassWriteIndex: n[i + 1],
					endOfPassWriteIndex: n[i + 1] + 1,
				},
			},
		);
		return i + 2;
	},
	(n, i) => {
		// dispatch
		pass.setPipeline(objects[n[i]]);
		pass.setBindGroup(0, objects[n[i + 1]]);
		pass.dispatchWorkgroups(n[i + 2], n[i + 3]);
		return i + 4;
	},
	(n, i) => {
		pass.end();
		return i;
	},
	(n, i) => {
		// copy a buffer
		encoder.copyBufferToBuffer(objects[n[i]], n[i + 1], objects[n[i + 2]], n[i + 3], n[i + 4]);
		return i + 5;
	},
	(n, i) => {
		encoder.resolveQuerySet(objects[n[i]], 0, n[i + 1], objects[n[i + 2]], 0);
		return i + 3;
	},
	(n, i) => {
		// draw
		const render = encoder.beginRenderPass({
			colorAttachments: [{ view: objects[n[i]].createView(), loadOp: 'clear', storeOp: 'store' }],
		});
		render.setPipeline(objects[n[i + 1]]);
		render.setBindGroup(0, objects[n[i + 2]]);
		render.draw(n[i + 3]);
		render.end();
		return i + 4;
	},
	(n, i) => {
		// copy a texture
		const texture = objects[n[i + 2]];
		encoder.copyTextureToBuffer({ texture }, { buffer: objects[n[i]], bytesPerRow: n[i + 1] }, [
			texture.width,
			texture.height,
		]);
		return i + 3;
	},
];

return {
	create: (method, descriptor) => attempt(() => device[method](descriptor)),
	// Begins to compile a pipeline. Returns the layout of its bindings and a promise of the
	// pipeline. Browsers compile several at a time, on other threads.
	pipeline(method, descriptor, stages, visibility, types, code) {
		const { label } = descriptor;
		let layout;
		const made = attempt(() => {
			layout = device.createBindGroupLayout({
				label,
				entries: types.map((type, binding) => ({ binding, visibility, buffer: { type } })),
			});
			const module = device.createShaderModule({ label, code });
			for (const stage of stages) descriptor[stage].module = module;
			descriptor.layout = device.createPipelineLayout({ label, bindGroupLayouts: [layout] });
			return device[method](descriptor);
		});
		return { layout, made };
	},
	bind(descriptor) {
		try {
			return device.createBindGroup(descriptor);
		} catch (e) {
			return text(e);
		}
	},
	// Returns an array of at least n bytes for the data of write and submit.
	room(n) {
		if (bytes.length < n) {
			numbers = new Float64Array(Math.ceil(n / 8));
			bytes = new Uint8Array(numbers.buffer);
		}
		return bytes;
	},
	set(number, object) {
		objects[number] = object;
	},
	write(buffer, offset, n) {
		try {
			device.queue.writeBuffer(buffer, offset, bytes, 0, n);
		} catch (e) {
			return text(e);
		}
	},
	submit(n) {
		device.pushErrorScope('validation');
		try {
			encoder = device.createCommandEncoder();
			for (let i = 0; i < n;) i = commands[numbers[i]](numbers, i + 1);
			device.queue.submit([encoder.finish()]);
		} catch (e) {
			return text(e);
		} finally {
			device.popErrorScope().then(
				e => e && event(0, text(e)),
				() => {},
			); // popping fails only on a lost device
		}
	},
	map(buffer, number) {
		// When a device is lost, the mapping may fail before device.lost is resolved.
		const failed = e =>
			Promise.race([device.lost, new Promise(done => setTimeout(done, e.name === 'AbortError' ? 1000 : 0))]).then(() =>
				event(number, text(e)),
			);
		buffer.mapAsync(GPUMapMode.READ).then(() => event(number, ''), failed);
	},
	read(buffer, offset, n) {
		return new Uint8Array(buffer.getMappedRange(offset, n));
	},
	// Stands for the texture of a canvas. That texture is valid only until the event loop runs, so
	// each submission gets the current one.
	canvas(context) {
		return { createView: () => context.getCurrentTexture().createView() };
	},
	// Causes an event after about ms milliseconds, and lets the event loop run meanwhile.
	pause(ms) {
		if (ms < 1) turn.port2.postMessage(0);
		else setTimeout(() => event(-1, ''), ms);
	},
	close() {
		turn.port1.close();
		event = () => {};
	},
	whenIdle(number) {
		device.queue.onSubmittedWorkDone().then(
			() => event(number, ''),
			e => event(number, text(e)),
		);
	},
};
