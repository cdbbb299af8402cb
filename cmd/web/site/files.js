// An in-memory file system for the Go program, with the interface of node's fs that wasm_exec.js
// uses. The contents of /runs are also kept in the browser's storage for the next visit.
'use strict';
globalThis.files = (() => {
	const all = new Map([['/', null]]); // by path: { bytes, length, time }, or null for a folder
	const open = new Map(); // by descriptor: { path, file, at, append }
	const decoder = new TextDecoder();
	const patience = 3000; // milliseconds to wait for an answer of the storage
	let next = 100,
		database,
		said = '';
	let without; // the error because of which nothing is kept

	const fail = code => Object.assign(new Error(code), { code });
	const clean = path =>
		'/' +
		path
			.split('/')
			.filter(p => p && p !== '.')
			.join('/');
	const parent = path => path.slice(0, path.lastIndexOf('/')) || '/';
	const there = path => {
		if (!all.has(path)) throw fail('ENOENT');
		return all.get(path);
	};
	const inside = path => [...all.keys()].filter(p => p !== '/' && parent(p) === path);
	const resize = (file, length) => {
		if (length > file.bytes.length) {
			const grown = new Uint8Array(Math.max(length, 2 * file.bytes.length));
			grown.set(file.bytes.subarray(0, file.length));
			file.bytes = grown;
		} else if (length < file.length) file.bytes.fill(0, length, file.length);
		file.length = length;
	};

	// Changes reach the storage in order. The browser may end the page between two of them, because
	// the program does not wait for them.
	const store = (method, ...change) => {
		if (!database) {
			if (without) lost(without);
			return;
		}
		try {
			const transaction = database.transaction('files', 'readwrite', { durability: 'relaxed' });
			transaction.onabort = () => lost(transaction.error);
			transaction.objectStore('files')[method](...change);
		} catch {
			// the browser has closed the storage, as phones do while a tab is hidden; open it again
			database = undefined;
			connect()
				.then(opened => {
					database = opened;
					store('clear');
					[...all.keys()].forEach(keep);
				})
				.catch(e => lost((without = e)));
		}
	};
	const lost = e =>
		postMessage({
			text: {
				error:
					'The browser does not keep the checkpoint: ' +
					(e?.message ?? 'it gives no reason') +
					'. Download the weights before you close the page.',
			},
		});
	const keep = path => {
		if (!path.startsWith('/runs')) return;
		const file = all.get(path);
		if (file === undefined) store('delete', path);
		else store('put', file && { bytes: file.bytes.slice(0, file.length), length: file.length, time: file.time }, path);
	};
	// Resolves to the result of a request to the storage, or fails if there is none in time.
	const answer = request =>
		new Promise((resolve, reject) => {
			const late = setTimeout(reject, patience, new Error('its storage does not answer'));
			request.onsuccess = () => (clearTimeout(late), resolve(request.result));
			request.onerror = () => (clearTimeout(late), reject(request.error));
		});
	const connect = () => {
		const request = indexedDB.open('nin', 1);
		request.onupgradeneeded = () => request.result.createObjectStore('files');
		return answer(request);
	};
	// Locks the storage for this tab until the page is closed. Another tab of the page may hold the
	// lock.
	const own = () =>
		new Promise((resolve, reject) => {
			navigator.locks
				.request('runs', { signal: AbortSignal.timeout(patience) }, () => (resolve(), new Promise(() => {})))
				.catch(e => reject(e.name === 'TimeoutError' ? new Error('another tab with this page does') : e));
		});
	const load = async () => {
		try {
			await own();
			const opened = await connect();
			const stored = opened.transaction('files').objectStore('files');
			const kept = [];
			for (const path of await answer(stored.getAllKeys())) kept.push([path, await answer(stored.get(path))]);
			kept.forEach(([path, file]) => all.set(path, file));
			database = opened;
		} catch (e) {
			// for example in a private window
			without = e;
		}
	};

	const stat = file => ({
		isDirectory: () => file === null,
		dev: 0,
		ino: 0,
		mode: file === null ? 0o40755 : 0o100644,
		nlink: 1,
		uid: 0,
		gid: 0,
		rdev: 0,
		size: file?.length ?? 0,
		blksize: 4096,
		blocks: 0,
		atimeMs: file?.time ?? 0,
		mtimeMs: file?.time ?? 0,
		ctimeMs: file?.time ?? 0,
	});
	const file = fd => {
		if (!open.has(fd)) throw fail('EBADF');
		return open.get(fd);
	};
	const flush = f => {
		if (!f.changed || all.get(f.path) !== f.file) return;
		keep(f.path);
		f.changed = false;
	};
	const calls = {
		open(path, flags) {
			path = clean(path);
			const has = all.has(path);
			if (has && flags & 0o200 && flags & 0o100) throw fail('EEXIST');
			if (!has) {
				if (!(flags & 0o100)) throw fail('ENOENT');
				if (there(parent(path)) !== null) throw fail('ENOTDIR');
				all.set(path, { bytes: new Uint8Array(0), length: 0, time: Date.now() });
			}
			const f = all.get(path);
			if (f && flags & 0o1000) resize(f, 0);
			open.set(++next, { path, file: f, at: 0, append: flags & 0o2000, changed: !has || flags & 0o1000 });
			return next;
		},
		close(fd) {
			const f = file(fd);
			open.delete(fd);
			flush(f);
		},
		fsync(fd) {
			flush(file(fd));
		},
		read(fd, buffer, offset, length, position) {
			const f = file(fd);
			const at = position ?? f.at,
				n = Math.max(0, Math.min(length, f.file.length - at));
			buffer.set(f.file.bytes.subarray(at, at + n), offset);
			if (position === null) f.at += n;
			return n;
		},
		write(fd, buffer, offset, length, position) {
			if (fd < 3) {
				// the output of a program that fails
				const lines = (said + decoder.decode(buffer.subarray(offset, offset + length), { stream: true })).split('\n');
				said = lines.pop();
				for (const line of lines) console.log(line);
				return length;
			}
			const f = file(fd);
			const at = position ?? (f.append ? f.file.length : f.at);
			if (at + length > f.file.length) resize(f.file, at + length);
			f.file.bytes.set(buffer.subarray(offset, offset + length), at);
			f.file.time = Date.now();
			f.changed = true;
			if (position === null) f.at = at + length;
			return length;
		},
		fstat: fd => stat(file(fd).file),
		stat: path => stat(there(clean(path))),
		lstat: path => stat(there(clean(path))),
		ftruncate(fd, length) {
			const f = file(fd);
			resize(f.file, length);
			f.changed = true;
		},
		truncate(path, length) {
			resize(there(clean(path)), length);
			keep(clean(path));
		},
		mkdir(path) {
			path = clean(path);
			if (all.has(path)) throw fail('EEXIST');
			there(parent(path));
			all.set(path, null);
			keep(path);
		},
		readdir: path => inside(clean(path)).map(p => p.slice(p.lastIndexOf('/') + 1)),
		unlink(path) {
			path = clean(path);
			if (there(path) === null) throw fail('EISDIR');
			all.delete(path);
			keep(path);
		},
		rmdir(path) {
			path = clean(path);
			if (there(path) !== null) throw fail('ENOTDIR');
			if (inside(path).length) throw fail('ENOTEMPTY');
			all.delete(path);
			keep(path);
		},
		rename(from, to) {
			from = clean(from);
			to = clean(to);
			there(from);
			for (const path of [...all.keys()].filter(p => p === from || p.startsWith(from + '/'))) {
				all.set(to + path.slice(from.length), all.get(path));
				all.delete(path);
				keep(to + path.slice(from.length));
				keep(path);
			}
			for (const f of open.values()) if (f.path === from) f.path = to;
		},
		chmod() {},
		fchmod() {},
		chown() {},
		fchown() {},
		lchown() {},
		utimes() {},
	};
	const fs = {
		constants: {
			O_WRONLY: 1,
			O_RDWR: 2,
			O_CREAT: 0o100,
			O_EXCL: 0o200,
			O_TRUNC: 0o1000,
			O_APPEND: 0o2000,
			O_DIRECTORY: 0o200000,
		},
	};
	for (const name in calls) {
		fs[name] = (...args) => {
			const callback = args.pop();
			let result;
			try {
				result = calls[name](...args);
			} catch (e) {
				return callback(typeof e.code === 'string' ? e : fail('EIO'));
			}
			callback(null, result);
		};
	}
	for (const name of ['link', 'symlink', 'readlink']) fs[name] = (...args) => args.pop()(fail('ENOSYS'));
	fs.writeSync = (fd, buffer) => calls.write(fd, buffer, 0, buffer.length, null);
	globalThis.fs = fs;
	const none = () => -1;
	globalThis.process = {
		getuid: none,
		getgid: none,
		geteuid: none,
		getegid: none,
		getgroups: () => [],
		pid: 1,
		ppid: 0,
		umask: () => 0,
		cwd: () => '/',
		chdir() {},
	};
	async function get(url, path) {
		path = path.replace(/\.gz$/, '');
		if (all.has(path)) return;
		const response = await fetch(url);
		if (!response.ok) throw new Error(url + ': ' + response.status + ' ' + response.statusText);
		let bytes = new Uint8Array(await response.arrayBuffer());
		if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
			// skipped if the host made the browser unpack it
			bytes = new Uint8Array(
				await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer(),
			);
		}
		for (let p = parent(path); !all.has(p); p = parent(p)) all.set(p, null);
		all.set(path, { bytes, length: bytes.length, time: Date.now() });
	}
	return {
		load,
		// Copies a file of the site to a path, unpacked and without .gz, unless the path exists.
		// Then it calls done with the error message, or ''.
		fetch(url, path, done) {
			get(url, path).then(
				() => done(''),
				e => done(e.message),
			);
		},
	};
})();
