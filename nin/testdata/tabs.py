#!/usr/bin/env python3
"""Makes goldens of the chapter's other tabs: Flax, Keras, tf.keras and MXNet.

    tabs.py flax|keras|tf_keras|mxnet [--data DIR] [--out DIR]

Each framework needs its own Python, with numpy, Pillow, safetensors and
    flax       flax (jax, optax)                  made with flax 0.12.8, jax 0.10.2
    keras      tensorflow-cpu                     made with tensorflow 2.21.0, keras 3.15.1
    tf_keras   tensorflow-cpu, tf_keras           made with tensorflow 2.21.0, tf_keras 2.21.0
    mxnet      mxnet 1.9.1, numpy 1.23.5          made with Python 3.11

It writes two files in the folder tabs.
    FRAMEWORK.json          versions, and for each of two networks: images, batch, steps and lr of a run, and
                            logits   of the first images, before training, as in prediction
                            losses   of each step in float64, from the float32 weights and pixels; losses_float32 likewise
                            weights  after the last step (chapter only), summarised as in parity.py
    FRAMEWORK.safetensors   the initial weights of the small network, as a user of the framework saves them
The networks (tf_keras has only the small one):
    chapter   the chapter's, written as in its tab for the framework, without dropout, from the hashed weights of golden.py
    small     few weights, for 1x28x28, with the points in which the frameworks differ: padding, pooling at the border, batch
              normalisation, a dense layer after a flattened image, and more than ten layers of a kind
Both train as the chapter does, by SGD on the mean cross-entropy, on Fashion-MNIST's first training images in file order.
"""
import argparse
import math
import os

import numpy as np

from golden import hash_values, input_array, load_data, samples, write_json

HERE = os.path.dirname(os.path.abspath(__file__))
CHAPTER = dict(gain=1.15, images=80, batch=8, steps=10, lr=3e-5)
SMALL = dict(images=80, batch=8, steps=10, lr=0.02)
BLOCKS = ((0, 1, 96, 11), (2, 96, 256, 5), (4, 256, 384, 3), (7, 384, 10, 3))  # place, channels in and out, kernel


def chapter_weights():
    """Returns the initial weights of the chapter's network, with PyTorch's names and layouts."""
    weights = {}
    for place, cin, out, kernel in BLOCKS:
        for layer, shape in (0, (out, cin, kernel, kernel)), (2, (out, out, 1, 1)), (4, (out, out, 1, 1)):
            fan_in = math.prod(shape[1:])
            bounds = {"weight": CHAPTER["gain"] * math.sqrt(6 / fan_in), "bias": 1 / math.sqrt(fan_in)}
            for name, s in ("weight", shape), ("bias", (out,)):
                weights[f"net.{place}.{layer}.{name}"] = hash_values(len(weights), s, bounds[name])
    return weights


def channels_last(w):
    """Returns a kernel of PyTorch's layout in the layout of Flax and Keras."""
    return w.transpose(2, 3, 1, 0) if w.ndim == 4 else w


def channels_first(w):
    return w.transpose(3, 2, 0, 1) if w.ndim == 4 else w


def small_weight(name, shape, number, fan_in):
    """Returns the initial value of a weight of the small network, by its name in the framework."""
    r, name = np.random.default_rng(number), name.replace("_", ".").replace("/", ".").replace(":0", "").split(".")[-1]
    if name in ("kernel", "weight"):
        return r.uniform(-1, 1, shape) * math.sqrt(4 / fan_in)
    if name in ("scale", "gamma", "var", "variance"):
        return 1 + r.uniform(-0.4, 0.4, shape)
    return r.uniform(-0.3, 0.3, shape)


# ---- Flax ----

class Flax:
    def __init__(self):
        import flax, jax, optax
        from flax import linen as nn
        from jax import numpy as jnp
        jax.config.update("jax_enable_x64", True)
        self.jax, self.optax, self.versions = jax, optax, f"flax {flax.__version__}, jax {jax.__version__}"

        def nin_block(out_channels, kernel_size, strides, padding):
            return nn.Sequential([
                nn.Conv(out_channels, kernel_size, strides, padding), nn.relu,
                nn.Conv(out_channels, kernel_size=(1, 1)), nn.relu,
                nn.Conv(out_channels, kernel_size=(1, 1)), nn.relu])

        class NiN(nn.Module):
            training: bool = False

            def setup(self):
                self.net = nn.Sequential([
                    nin_block(96, kernel_size=(11, 11), strides=(4, 4), padding=(0, 0)),
                    lambda x: nn.max_pool(x, (3, 3), strides=(2, 2)),
                    nin_block(256, kernel_size=(5, 5), strides=(1, 1), padding=(2, 2)),
                    lambda x: nn.max_pool(x, (3, 3), strides=(2, 2)),
                    nin_block(384, kernel_size=(3, 3), strides=(1, 1), padding=(1, 1)),
                    lambda x: nn.max_pool(x, (3, 3), strides=(2, 2)),
                    nn.Dropout(0.0, deterministic=not self.training),
                    nin_block(10, kernel_size=(3, 3), strides=(1, 1), padding=(1, 1)),
                    lambda x: nn.avg_pool(x, (5, 5)),
                    lambda x: x.reshape((x.shape[0], -1))])

            def __call__(self, x):
                return self.net(x)

        class Small(nn.Module):
            training: bool = False

            @nn.compact
            def __call__(self, x):
                x = nn.tanh(nn.Conv(6, (5, 4), strides=(2, 3), padding="SAME")(x))
                x = nn.BatchNorm(use_running_average=not self.training)(x)
                x = nn.max_pool(x, (3, 3), strides=(2, 2), padding="SAME")
                x = nn.tanh(nn.Conv(5, (3, 2))(x))
                for _ in range(10):
                    x = nn.tanh(nn.Conv(5, (1, 1))(x))
                x = nn.avg_pool(x, (3, 2), strides=(2, 2), padding="SAME")
                x = x.reshape((x.shape[0], -1))
                x = nn.tanh(nn.Dense(7)(x))
                return nn.Dense(10)(x)

        self.nets = {"chapter": NiN, "small": Small}

    def chapter(self):
        params = {}
        for name, w in chapter_weights().items():
            _, place, layer, name = name.split(".")
            block = params.setdefault(f"layers_{place}", {})
            block.setdefault(f"layers_{layer}", {})[{"weight": "kernel"}.get(name, name)] = channels_last(w)
        return {"params": {"net": params}}

    def small(self):
        from flax.traverse_util import flatten_dict, unflatten_dict
        variables = flatten_dict(self.nets["small"]().init(self.jax.random.PRNGKey(0), np.zeros((1, 28, 28, 1), np.float32)))
        return unflatten_dict({k: small_weight(k[-1], v.shape, i, math.prod(v.shape[:-1])).astype(np.float32)
                               for i, (k, v) in enumerate(variables.items())})

    def save(self, variables, path):
        from flax.traverse_util import flatten_dict
        from safetensors.flax import save_file
        save_file(self.jax.tree.map(self.jax.numpy.asarray, flatten_dict(variables, sep=".")), path)

    def run(self, name, variables, x, y, batch, steps, lr, dtype):
        variables = self.jax.tree.map(lambda v: self.jax.numpy.asarray(v, dtype), variables)
        x, net = x.transpose(0, 2, 3, 1).astype(dtype), self.nets[name](training=True)
        logits = self.nets[name]().apply(variables, x[:batch])
        params, stats = variables["params"], variables.get("batch_stats", {})
        sgd = self.optax.sgd(lr)
        state, losses = sgd.init(params), []

        @self.jax.jit
        @self.jax.value_and_grad
        def loss(params, stats, x, y):
            logits, _ = net.apply({"params": params, "batch_stats": stats}, x, mutable=["batch_stats"])
            return self.optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

        for i in range(0, batch * steps, batch):
            value, gradients = loss(params, stats, x[i:i + batch], y[i:i + batch])
            updates, state = sgd.update(gradients, state, params)
            params = self.optax.apply_updates(params, updates)
            losses.append(float(value))
        if name == "chapter":
            params = [channels_first(np.asarray(params["net"][f"layers_{p}"][f"layers_{k}"][n]))
                      for p, *_ in BLOCKS for k in (0, 2, 4) for n in ("kernel", "bias")]
        return np.asarray(logits), losses, params


# ---- Keras, on TensorFlow ----

class Keras:
    def __init__(self, legacy=False):
        os.environ["TF_USE_LEGACY_KERAS"] = str(int(legacy))
        import tensorflow as tf
        self.tf, self.versions = tf, f"tensorflow {tf.__version__}, " + self.version(legacy)

    @staticmethod
    def version(legacy):
        if legacy:
            import tf_keras as keras
        else:
            import keras
        return f"{keras.__name__} {keras.__version__}"

    def build(self, name):
        layers, Sequential = self.tf.keras.layers, self.tf.keras.models.Sequential

        def nin_block(out_channels, kernel_size, strides, padding):
            return Sequential([
                layers.Conv2D(out_channels, kernel_size, strides=strides, padding=padding), layers.Activation("relu"),
                layers.Conv2D(out_channels, 1), layers.Activation("relu"),
                layers.Conv2D(out_channels, 1), layers.Activation("relu")])

        if name == "chapter":
            net = Sequential([
                nin_block(96, kernel_size=11, strides=4, padding="valid"),
                layers.MaxPool2D(pool_size=3, strides=2),
                nin_block(256, kernel_size=5, strides=1, padding="same"),
                layers.MaxPool2D(pool_size=3, strides=2),
                nin_block(384, kernel_size=3, strides=1, padding="same"),
                layers.MaxPool2D(pool_size=3, strides=2),
                layers.Dropout(0.0),
                nin_block(10, kernel_size=3, strides=1, padding="same"),
                layers.GlobalAvgPool2D(),
                layers.Flatten()])
        else:
            # The convolutions lie at different depths, so only their own numbers give their order.
            block = Sequential([layers.Conv2D(6, (5, 4), strides=(2, 2), padding="same", activation="tanh"), layers.BatchNormalization()])
            rest = [layers.Conv2D(5, (3, 2), padding="same", activation="tanh")]
            rest += [layers.Conv2D(5, 1, activation="tanh") for _ in range(10)]
            net = Sequential([block, layers.MaxPool2D(3, 2, padding="same"), *rest, layers.AveragePooling2D(3, 2, padding="same"),
                              layers.Flatten(), layers.Dense(7, activation="tanh"), layers.Dense(10)])
        net.build((None, 224, 224, 1) if name == "chapter" else (None, 28, 28, 1))
        return net

    def chapter(self):
        return [channels_last(w) for w in chapter_weights().values()]

    def small(self):
        net = self.build("small")
        weights = [small_weight(v.name, v.shape, i, math.prod(v.shape[:-1])).astype(np.float32) for i, v in enumerate(net.variables)]
        net.set_weights(weights)
        self.to_save = {getattr(v, "path", v.name): self.tf.convert_to_tensor(v) for v in net.variables}
        return weights

    def save(self, _, path):
        from safetensors.tensorflow import save_file
        save_file(self.to_save, path)

    def run(self, name, weights, x, y, batch, steps, lr, dtype):
        tf = self.tf
        tf.keras.mixed_precision.set_global_policy(dtype)
        net, x, losses = self.build(name), x.transpose(0, 2, 3, 1).astype(dtype), []
        net.set_weights(weights)
        logits = net(x[:batch], training=False).numpy()
        sgd, loss = tf.keras.optimizers.SGD(lr), tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        for i in range(0, batch * steps, batch):
            with tf.GradientTape() as tape:
                value = loss(y[i:i + batch], net(x[i:i + batch], training=True))
            gradients = tape.gradient(value, net.trainable_variables)
            sgd.apply_gradients(zip(gradients, net.trainable_variables))
            losses.append(float(value))
        tf.keras.mixed_precision.set_global_policy("float32")
        return logits, losses, [channels_first(w) for w in net.get_weights()]


# ---- MXNet ----

class MXNet:
    def __init__(self):
        import mxnet
        self.mx, self.versions = mxnet, f"mxnet {mxnet.__version__}"
        mxnet.npx.set_np()

    def build(self, name):
        nn = self.mx.gluon.nn

        def nin_block(num_channels, kernel_size, strides, padding):
            blk = nn.Sequential()
            blk.add(nn.Conv2D(num_channels, kernel_size, strides, padding, activation="relu"),
                    nn.Conv2D(num_channels, kernel_size=1, activation="relu"),
                    nn.Conv2D(num_channels, kernel_size=1, activation="relu"))
            return blk

        net = nn.Sequential()
        if name == "chapter":
            net.add(nin_block(96, kernel_size=11, strides=4, padding=0),
                    nn.MaxPool2D(pool_size=3, strides=2),
                    nin_block(256, kernel_size=5, strides=1, padding=2),
                    nn.MaxPool2D(pool_size=3, strides=2),
                    nin_block(384, kernel_size=3, strides=1, padding=1),
                    nn.MaxPool2D(pool_size=3, strides=2),
                    nn.Dropout(0.0),
                    nin_block(10, kernel_size=3, strides=1, padding=1),
                    nn.GlobalAvgPool2D(),
                    nn.Flatten())
        else:
            net.add(nn.Conv2D(6, (5, 4), (2, 3), (2, 1), activation="tanh"), nn.BatchNorm(),
                    nn.MaxPool2D(3, 2, ceil_mode=True), nn.Conv2D(5, (3, 2), padding=1, activation="tanh"))
            for _ in range(10):
                net.add(nn.Conv2D(5, 1, activation="tanh"))
            net.add(nn.AvgPool2D(3, 2, padding=1), nn.Flatten(), nn.Dense(7, activation="tanh"), nn.Dense(10))
        net.initialize(self.mx.init.Xavier())
        net(self.mx.np.zeros((1, 1, 224, 224) if name == "chapter" else (1, 1, 28, 28)))
        return net

    def chapter(self):
        return list(chapter_weights().values())

    def small(self):
        params = self.build("small").collect_params()
        return [small_weight(k, p.shape, i, math.prod(p.shape[1:])).astype(np.float32) for i, (k, p) in enumerate(params.items())]

    def save(self, weights, path):
        from safetensors.numpy import save_file
        net = self.build("small")
        self.fill(net, weights)
        save_file({k: p.data().asnumpy() for k, p in net.collect_params().items()}, path)

    def fill(self, net, weights):
        for p, w in zip(net.collect_params().values(), weights):
            p.set_data(self.mx.np.array(w, dtype=p.dtype))

    def run(self, name, weights, x, y, batch, steps, lr, dtype):
        mx, net, losses = self.mx, self.build(name), []
        net.cast(dtype)
        self.fill(net, weights)
        x, y = mx.np.array(x, dtype=dtype), mx.np.array(y)
        logits = net(x[:batch]).asnumpy()
        trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": lr})
        cross_entropy = mx.gluon.loss.SoftmaxCrossEntropyLoss()
        for i in range(0, batch * steps, batch):
            with mx.autograd.record():
                loss = cross_entropy(net(x[i:i + batch]), y[i:i + batch])
            loss.backward()
            trainer.step(batch)  # divides the sum of the losses' gradients
            losses.append(float(loss.mean()))
        return logits, losses, [p.data().asnumpy() for p in net.collect_params().values()]


def main():
    frameworks = {"flax": Flax, "keras": Keras, "tf_keras": lambda: Keras(legacy=True), "mxnet": MXNet}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=frameworks)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", metavar="DIR")
    parser.add_argument("--out", default=os.path.join(HERE, "tabs"), metavar="DIR", help="default: tabs, beside this script")
    a = parser.parse_args()
    tab = frameworks[a.framework]()
    result = {"framework": tab.versions}
    small = tab.small()
    os.makedirs(a.out, exist_ok=True)
    tab.save(small, os.path.join(a.out, a.framework + ".safetensors"))
    networks = [("small", SMALL, small, (1, 28, 28)), ("chapter", CHAPTER, tab.chapter(), (1, 224, 224))]
    for name, how, weights, shape in networks[:1] if a.framework == "tf_keras" else networks:
        images, labels = load_data(a.data, count=how["images"])
        x, run = input_array(images, shape), {k: how[k] for k in ("batch", "steps", "lr")}
        logits, losses, after = tab.run(name, weights, x, labels, dtype="float64", **run)
        assert logits.dtype == "float64"
        _, single, _ = tab.run(name, weights, x, labels, dtype="float32", **run)
        result[name] = r = {**how, "logits": np.asarray(logits, np.float64).round(9).tolist(), "losses": losses, "losses_float32": single}
        spread = max(abs(s - loss) / loss for s, loss in zip(single, losses))
        print(f"{name}: losses", " ".join("%.4f" % v for v in losses), "float32 within %.1e" % spread, flush=True)
        assert spread < 1e-5, "float32 leaves float64: take a smaller lr"
        if name == "chapter":
            r["weights"] = {}
            for (k, start), w in zip(chapter_weights().items(), after):
                w = np.asarray(w, np.float64)
                r["weights"][k] = {"shape": list(w.shape), "norm": float(np.linalg.norm(w)), "change": float(np.linalg.norm(w - start)),
                                   **samples(w.flatten().tolist(), 8)}
    write_json(os.path.join(a.out, a.framework + ".json"), result)


if __name__ == "__main__":
    main()
