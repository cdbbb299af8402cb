#!/usr/bin/env python3
"""The PyTorch reference against which the Go program is checked.

    parity.py init   --net d2l --seed 1 init.safetensors
    parity.py train  --net d2l --init init.safetensors --data DIR --batch 8 --steps 20 --lr 0.05 [--double]
    parity.py epochs --net d2l --init init.safetensors --data DIR --epochs 2
    parity.py check  model.safetensors --net d2l --data DIR --images 8
    parity.py bench  --net d2l --batch 16 [--device cuda [--tf32]]
    parity.py golden [--only d2l,resnet18,resize] [--data DIR]

It needs torch (1.13 or later), numpy and Pillow, on Debian python3-torch and python3-pil. torchvision's networks also need
torchvision, on Debian python3-torchvision. DIR holds Fashion-MNIST's IDX
files, plain or gzipped (Debian: dataset-fashion-mnist), or CIFAR-10's binary files. `golden` rewrites the files beside this
script that the Go tests read. They hold no weights and no images, because both sides compute these from the hash that
golden.py describes.

Networks (--net), with the parameter names of PyTorch's state dict: d2l, the chapter's, 1x224x224; lin2013, the paper's for
CIFAR-10, 3x32x32, ceil-mode pooling (--pool2 avg for the Caffe version; PyTorch divides an average whose window leaves the
image by the number of pixels inside, not by 9); mini, a small one, 1x28x28, without ReLU at the end; graph, with residuals and
branches, 1x28x28; smooth, with smooth activations, groups, dilation and adaptive pooling, 1x28x28; norm, with batch
normalisation, 1x28x28; lenet, alexnet, vgg11, googlenet, resnet18 and densenet, the book's others, from book.py, with the book's
width, on images that are smaller than the book's (see INPUT); torchvision-alexnet, -vgg11, -vgg11_bn and -resnet18,
torchvision's own, with ten classes and fully connected layers of 512 in place of 4096, because software adapters cannot bind so
many weights.

A training run takes the images in file order, keeps the partial batch at the end of the set, and starts again. A loss is the
mean cross-entropy of a batch before its update. Weight decay and momentum are PyTorch's and apply to weights and biases:
    g = dLoss/dw + weight_decay*w;  v = g at step 1, momentum*v + g afterwards;  w = w - lr*v
The goldens weighted, clipped and squared train norm with other settings. weighted has class weights and label smoothing, with
means over the weights of a batch. clipped clips the gradient, and decays only tensors of two or more dimensions. squared has the
mean squared error of ten targets for each image: stream 1002, i is the flat index in [n, target], target = (hash >> 8) / 2^24.

How Pillow resizes 8-bit images bilinearly (pil_resize_reference below equals it byte for byte)
    1. Two passes: along the rows (width), then along the columns (height); a pass that does not change the size is
       skipped. The picture between them is rounded to 8 bits. (For some sizes that shrink the height more than the
       width, Pillow 13 takes the columns first. The rule here is that of Pillow up to 12; no golden case has such a size.)
    2. Along an axis, from n pixels to m: scale = n/m. The filter is the triangle max(0, 1-|t|), stretched by s = max(scale, 1):
       enlarging interpolates between two pixels, shrinking averages over 2s of them.
    3. Output x has its centre at c = (x + 0.5)*scale and reads the pixels from max(0, int(c - s + 0.5)) up to, but not including,
       min(n, int(c + s + 0.5)); int rounds towards zero. Pixel j weighs triangle((j + 0.5 - c)/s), and the weights are divided
       by their sum, which also handles the edges. All this is in float64.
    4. Each weight becomes the integer int(0.5 + weight * 2^22), where 22 = PRECISION_BITS = 32 - 8 - 2.
    5. The output is (2^21 + sum of pixel*integer weight) >> 22, clipped to 0..255; 32 signed bits hold it.

The golden files
    NET.json  net, gain, images (their number; then they repeat), batch, steps, lr, momentum, weight_decay, torch; then
        labels, logits   of the first 8 images, before training, as in prediction
        losses           of each step, from a run in float64 that starts from the float32 weights and pixels
        losses_float32   the same run in float32
        spread           for each step, the largest relative difference of 4 float32 runs from losses; three of them start
                         from weights with errors in the last bit. No float32 program can be expected to be nearer.
        gradients        name -> summary of dLoss/dw at step 1, in float64, without weight decay
        gradients_one    the same for the loss of the first image alone, which no near tie (see GOLDENS) makes uncertain
        weights          name -> summary of the weights, and of running means and variances, after the last step, in float64
      A summary: shape, norm (L2), stride, samples (elements 0, stride, 2*stride, ... of the flat PyTorch layout: 32, or all
      if there are fewer; the stride is coprime to the size, so that every index varies), for weights change (L2 norm of what
      training added), and error (the L2 distance of the worst of the 4 float32 runs, divided by norm or change).
      All train on Fashion-MNIST's first training images, except networks with three channels, which train on hashed images.
      frozen is norm with layers that do not learn.
      The files of the book's other networks and torchvision's are short: names (name -> shape of each weight, running mean and
      variance; for torchvision's, at full width), norms (name -> L2 norm of dLoss/dw at step 1), and logits_after (as logits,
      but after training) take the place of the summaries. There are 2 float32 runs.
    resize.json   cases: {images: "fashion-mnist" (first training images) | "hash" (32x32x3), index, height, width (the new
                  size), sha256 (of the pixels in [row, column, channel] order, as PIL's tobytes gives them)}
    resize.224.gz   Fashion-MNIST's first training image at 224x224: 50176 bytes, gzipped
    normalise.json  normalisation; images (hashed), mean and deviation of each of their channels, in float64; x, the first of
        them after torchvision's ToTensor and Normalize, in float32: each 101st value of the flat [channel, row, column]
"""
import argparse
import copy
import gzip
import hashlib
import itertools
import json
import math
import os
import platform
import statistics
import struct
import sys
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

import book
from golden import hash32, hash_images, hash_values, input_array, load_data, pil_resize, read, samples, write_json

HERE = os.path.dirname(os.path.abspath(__file__))


# ---- networks ----

INPUT = {"d2l": (1, 224, 224), "lin2013": (3, 32, 32), "mini": (1, 28, 28), "graph": (1, 28, 28),
         "smooth": (1, 28, 28), "norm": (1, 28, 28), "lenet": (1, 28, 28), "alexnet": (1, 96, 96), "vgg11": (1, 32, 32),
         "googlenet": (1, 64, 64), "resnet18": (1, 64, 64), "densenet": (1, 64, 64)}  # channels, height, width
BOOK = "lenet", "alexnet", "vgg11", "googlenet", "resnet18", "densenet"
TORCHVISION = {"torchvision-" + n: n for n in ("alexnet", "vgg11", "vgg11_bn", "resnet18")}
INPUT.update({n: (3, 32, 32) if "vgg" in n else (3, 64, 64) for n in TORCHVISION})


def block(cin, conv, kernel, stride, pad, first=None, second=None):
    """Returns conv + ReLU and two 1x1 + ReLU. The 1x1 are as wide as the convolution by default."""
    first, second = first or conv, second or conv
    return nn.Sequential(nn.Conv2d(cin, conv, kernel, stride, pad), nn.ReLU(), nn.Conv2d(conv, first, 1), nn.ReLU(),
                         nn.Conv2d(first, second, 1), nn.ReLU())


class Residual(nn.Module):
    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + (self.shortcut(x) if self.shortcut else x)


class Concat(nn.ModuleList):
    def forward(self, x):
        return torch.cat([layer(x) for layer in self], dim=1)


def graph_layers():
    """A network whose tensors have several consumers: nested residuals, and branches whose channels are not multiples of 4."""
    def conv(cin, cout, kernel, stride=1):
        return nn.Conv2d(cin, cout, kernel, stride, kernel // 2)
    inner = Residual(nn.Sequential(conv(16, 16, 3), nn.ReLU()))
    return [conv(1, 8, 3), nn.ReLU(),
            Residual(nn.Sequential(conv(8, 8, 3), nn.ReLU(), conv(8, 8, 3))), nn.ReLU(),
            Residual(nn.Sequential(conv(8, 16, 3, 2), nn.ReLU(), inner), conv(8, 16, 1, 2)), nn.ReLU(),
            Concat([conv(16, 6, 1), nn.Sequential(conv(16, 5, 3), nn.ReLU()), nn.MaxPool2d(3, 1, 1), nn.Sequential()]),
            conv(43, 10, 1)]


def smooth_layers():
    """A network with smooth activations, groups, dilation, and adaptive pooling to sizes that do not divide the image's."""
    return [nn.Conv2d(1, 8, 5, 2, 2), nn.SiLU(), nn.Conv2d(8, 12, 3), nn.GELU(),
            nn.Conv2d(12, 12, 3, 1, 1, groups=12), nn.Conv2d(12, 12, 3, 1, 2, (2, 1), 4), nn.AdaptiveAvgPool2d((5, 7)),
            nn.Conv2d(12, 9, 3, 1, 1), nn.Tanh(), nn.Conv2d(9, 8, 1), nn.Sigmoid(), nn.Conv2d(8, 10, 1)]


def norm_layers():
    """A network with batch normalisation, and convolutions without bias.

    No gradient may be zero up to rounding. So no normalisation directly follows a convolution with a bias. Nor does the
    global pooling directly follow a normalisation, because it would return the channel means, which are constant for one image.
    """
    return [nn.Conv2d(1, 8, 5, 2, 2), nn.SiLU(), nn.BatchNorm2d(8), nn.Conv2d(8, 9, 3), nn.ReLU(),
            nn.BatchNorm2d(9, eps=1e-3, momentum=0.3), nn.ReLU(), nn.Conv2d(9, 12, 3, 1, 1, bias=False),
            nn.BatchNorm2d(12), nn.Tanh(), nn.Conv2d(12, 12, 3, 1, 1, groups=3, bias=False), nn.BatchNorm2d(12), nn.GELU(),
            nn.Conv2d(12, 10, 1)]


def torchvision_net(name, classes, head, **options):
    """A network of torchvision.models, with another width for the fully connected layers of 4096."""
    from torchvision import models
    net = getattr(models, TORCHVISION[name])(num_classes=classes, **options)
    for i, m in enumerate(getattr(net, "classifier", ())):
        if isinstance(m, nn.Linear):
            net.classifier[i] = nn.Linear(*(head if n == 4096 else n for n in (m.in_features, m.out_features)))
    return net


class Network(nn.Module):
    def __init__(self, name, dropout=0.0, pool2="max"):
        super().__init__()
        self.input = torch.zeros(1, *INPUT[name])
        if name in BOOK:
            self.net = getattr(book, name)(*(dropout,) if name in ("alexnet", "vgg11") else ())
            self.eval()(self.input)  # gives lazy modules their input channels
            self.train()
            return
        if name in TORCHVISION:
            self.net = torchvision_net(name, 10, 512, **({} if "resnet" in name else {"dropout": dropout}))
            return
        drop = nn.Dropout(dropout)
        if name == "graph":
            layers = graph_layers()
        elif name == "smooth":
            layers = smooth_layers()
        elif name == "norm":
            layers = norm_layers()
        elif name == "lin2013":
            pool = nn.MaxPool2d(3, 2, ceil_mode=True)
            second = nn.AvgPool2d(3, 2, ceil_mode=True) if pool2 == "avg" else pool
            layers = [block(3, 192, 5, 1, 2, 160, 96), pool, drop, block(96, 192, 5, 1, 2), second, drop,
                      block(192, 192, 3, 1, 1, 192, 10)]
        else:
            blocks = {"d2l": ((1, 96, 11, 4, 0), (96, 256, 5, 1, 2), (256, 384, 3, 1, 1), (384, 10, 3, 1, 1)),
                      "mini": ((1, 32, 5, 1, 2), (32, 64, 3, 1, 1), (64, 96, 3, 1, 1), (96, 10, 3, 1, 1))}[name]
            a, b, c, d = (block(*sizes) for sizes in blocks)
            pool = nn.MaxPool2d(3, 2)
            if name == "mini":
                d = d[:-1]  # no ReLU after the last convolution
            layers = [a, pool, b, pool, c, pool, drop, d]
        self.net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten())

    def forward(self, x):
        return self.net(x)


# ---- initial weights ----

@torch.no_grad()
def running_parameters(net):
    """Returns the parameters with their names, in the order in which the modules run."""
    found = []
    hooks = [m.register_forward_hook(lambda m, *_, path=path: found.extend(m.named_parameters(path, recurse=False)))
             for path, m in net.named_modules()]
    net.eval()(net.input)
    net.train()
    for h in hooks:
        h.remove()
    return found


@torch.no_grad()
def init_hash(net, gain):
    for number, (name, p) in enumerate(running_parameters(net)):
        if p.dim() > 1:
            fan_in = p[0].numel()  # and of the bias that follows
        bound = gain * math.sqrt(6 / fan_in) if p.dim() > 1 else 1 / math.sqrt(fan_in)
        middle = 1 if p.dim() == 1 and name.endswith("weight") else 0
        p.copy_(torch.from_numpy(hash_values(number, p.shape, bound, middle)))


def to_input(images, shape):
    return torch.from_numpy(input_array(images, shape))


# ---- Pillow's bilinear resize, written out ----

def pil_coefficients(n, m):
    """Returns, for each of m outputs along an axis of n pixels, the first pixel it reads and its integer weights."""
    scale = n / m
    s = max(scale, 1.0)
    table = []
    for x in range(m):
        c = (x + 0.5) * scale
        first = max(0, int(c - s + 0.5))
        end = min(n, int(c + s + 0.5))
        weights = [max(0.0, 1.0 - abs((j - c + 0.5) * (1.0 / s))) for j in range(first, end)]
        total = sum(weights)
        table.append((first, [int(0.5 + w / total * (1 << 22)) for w in weights]))
    return table


def pil_resize_reference(image, height, width):
    """Returns the same as pil_resize. image is [row, column] or [row, column, channel]."""
    for axis, m in (1, width), (0, height):
        source = np.moveaxis(image, axis, 0).astype(np.int64)
        if len(source) == m:
            continue
        out = np.full((m,) + source.shape[1:], 1 << 21)
        for x, (first, weights) in enumerate(pil_coefficients(len(source), m)):
            for k, w in enumerate(weights):
                out[x] += w * source[first + k]
        image = np.moveaxis(np.clip(out >> 22, 0, 255).astype(np.uint8), 0, axis)
    return image


# ---- safetensors, F32 only ----

def save_safetensors(path, state):
    """Writes a dictionary of names to tensors, without integers, which only count batches. The header is padded to 8 bytes."""
    header, blobs, offset = {}, [], 0
    for name, t in state.items():
        if not t.is_floating_point():
            continue
        blobs.append(t.detach().cpu().numpy().astype("<f4").tobytes())
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [offset, offset + len(blobs[-1])]}
        offset += len(blobs[-1])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def load_safetensors(path):
    raw = read(path)
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    state = {}
    for name, entry in json.loads(raw[8:start]).items():
        if name == "__metadata__":
            continue
        if entry["dtype"] != "F32":
            sys.exit(f"{path}: {name} is {entry['dtype']}, only F32 is read")
        a, b = entry["data_offsets"]
        state[name] = torch.from_numpy(np.frombuffer(raw[start + a:start + b], "<f4").reshape(entry["shape"]).copy())
    return state


def load_weights(net, path):
    """Loads strictly: exactly the names and shapes of the network. The names may lack `net.`, as those of a bare Sequential."""
    state = load_safetensors(path)
    net.load_state_dict({n if n.startswith("net.") else "net." + n: t for n, t in state.items()}, strict=True)


# ---- training ----

def train(net, x, y, batch, steps, lr, momentum=0.0, weight_decay=0.0, seen=lambda net: None, criterion=F.cross_entropy, clip=0,
          spare=False):
    """Yields the loss of each step. seen is called between the backward pass and the update."""
    y, dtype = torch.from_numpy(y), next(net.parameters()).dtype
    sgd = torch.optim.SGD([{"params": [p for p in net.parameters() if p.dim() >= 2]},
                           {"params": [p for p in net.parameters() if p.dim() < 2], "weight_decay": 0 if spare else weight_decay}],
                          lr, momentum=momentum, weight_decay=weight_decay)
    starts = itertools.cycle(range(0, len(x), batch))  # in file order, with the partial batch, endlessly
    for i in itertools.islice(starts, steps):
        loss = criterion(net(x[i:i + batch].to(dtype)), y[i:i + batch])
        sgd.zero_grad()
        loss.backward()
        seen(net)
        if clip:
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
        sgd.step()
        yield loss.item()


def freeze(net, prefixes):
    """Freezes layers as nn.Freeze in Go: they have no gradient, and a normalisation uses its running moments."""
    for path, m in net.named_modules():
        if any((path + ".").startswith(f"net.{p}.") for p in prefixes):
            m.eval().requires_grad_(False)


# ---- goldens ----

# The losses must change, and float32 must stay near float64. Max pooling drives them apart: if two pixels of a window nearly
# tie, rounding decides which of them gets the gradient. A small lr keeps the effect of a near tie on the losses small.
GOLDENS = {
    "d2l": dict(gain=1.15, images=320, batch=8, steps=20, lr=3e-5, momentum=0.0, weight_decay=0.0),
    "lin2013": dict(gain=1.2, images=32, batch=8, steps=20, lr=3e-5, momentum=0.9, weight_decay=1e-4),
    "mini": dict(gain=1.2, images=320, batch=8, steps=20, lr=3e-5, momentum=0.9, weight_decay=0.1),
    "graph": dict(gain=1.0, images=320, batch=8, steps=20, lr=3e-4, momentum=0.9, weight_decay=0.1),
    "smooth": dict(gain=1.0, images=320, batch=8, steps=20, lr=1e-2, momentum=0.9, weight_decay=0.01),
    "norm": dict(gain=1.0, images=60, batch=8, steps=20, lr=1e-3, momentum=0.9, weight_decay=0.01),
    "frozen": dict(net="norm", freeze=["0", "5", "7"], gain=1.0, images=60, batch=8, steps=20, lr=1e-3, momentum=0.9, weight_decay=0.01),
    "lenet": dict(gain=2.0, images=40, batch=4, steps=10, lr=1e-2, momentum=0.9, weight_decay=0.01),
    "alexnet": dict(gain=1.0, images=40, batch=4, steps=10, lr=1e-5, momentum=0.9, weight_decay=0.01),
    "vgg11": dict(gain=1.0, images=40, batch=4, steps=10, lr=1e-4, momentum=0.9, weight_decay=0.01),
    "googlenet": dict(gain=1.0, images=40, batch=4, steps=10, lr=1e-4, momentum=0.9, weight_decay=0.01),
    "resnet18": dict(gain=1.0, images=80, batch=8, steps=10, lr=1e-5, momentum=0.9, weight_decay=0.01),
    "densenet": dict(gain=1.0, images=80, batch=8, steps=10, lr=1e-5, momentum=0.9, weight_decay=0.01),
    **{n: dict(gain=1.1 if "resnet" in n else 1.0, images=8, batch=4, steps=2, lr=1e-5, momentum=0.9, weight_decay=0.01) for n in TORCHVISION},
    "weighted": dict(net="norm", gain=1.0, images=60, batch=8, steps=20, lr=1e-3, momentum=0.9, weight_decay=0.01, label_smoothing=0.1,
                     class_weights=[1, 0.25, 3, 0.75, 2, 1.5, 0.5, 5, 1, 0.875]),
    "clipped": dict(net="norm", gain=1.0, images=60, batch=8, steps=20, lr=1e-2, momentum=0.9, weight_decay=0.5, clip_norm=0.25,
                    spare_biases=True),
    "squared": dict(net="norm", gain=1.0, images=60, batch=8, steps=20, lr=1e-2, momentum=0.9, weight_decay=0.01, targets=10),
}
RESULTS = "gradients", "gradients_one", "weights"


def summary(reference, singles, start=None):
    """Summarises dictionaries of tensors (see the top): one in float64, several in float32, and the initial weights."""
    out = {}
    for name, t in reference.items():
        flat = t.flatten()
        e = out[name] = {"shape": list(t.shape), "norm": flat.norm().item()}
        if start:
            e["change"] = (t - start[name]).norm().item()
        distance = max((s[name] - t).norm().item() for s in singles)
        e["error"] = float("%.2g" % (distance / (e.get("change") or e["norm"] or 1)))
        e |= samples(flat.tolist())
    return out


def golden_net(name, c, data):
    """Makes one golden run in both precisions. Its network has the run's name, unless the run names another."""
    network = c.get("net", name)
    images, labels = hash_images(c["images"]) if INPUT[network][0] == 3 else load_data(data, count=c["images"])
    used = min(c["images"], c["batch"] * c["steps"])
    x, labels = to_input(images[:used], INPUT[network]), labels[:used]
    named = name in BOOK or name in TORCHVISION
    y = labels
    if "targets" in c:
        y = (hash32(1002, used * c["targets"]) >> np.uint32(8)).astype(np.float32).reshape(used, -1) / np.float32(2**24)

    def gradients(net):
        return {n: p.grad.double().clone() for n, p in net.named_parameters() if p.requires_grad}

    def weights(net):
        return {n: t.double().clone() for n, t in net.state_dict().items() if t.is_floating_point()}

    def run(dtype, noise=0):
        """Returns a dictionary of the results. noise is the seed of errors in the last bit of the initial weights."""
        net, r = Network(network), {}
        init_hash(net, c["gain"])
        torch.manual_seed(noise)
        with torch.no_grad():
            for p in net.parameters():
                p.mul_(1 + (2.0**-23 * torch.randint(-1, 2, p.shape) if noise else 0))
            net.to(dtype)
            r["start"], r["logits"] = weights(net), net.eval()(x[:8].to(dtype)).tolist()
        freeze(net.train(), c.get("freeze", []))
        weight = torch.tensor(c["class_weights"], dtype=dtype) if "class_weights" in c else None
        criterion = nn.CrossEntropyLoss(weight, label_smoothing=c.get("label_smoothing", 0.0))
        if "targets" in c:
            def criterion(outputs, targets): return F.mse_loss(outputs, targets.to(dtype))
        if not named:
            one = copy.deepcopy(net)  # because a normalisation keeps running moments
            criterion(one(x[:1].to(dtype)), torch.from_numpy(y[:1])).backward()
            r["gradients_one"] = gradients(one)
        r["losses"] = list(train(net, x, y, c["batch"], c["steps"], c["lr"], c["momentum"], c["weight_decay"],
                                 seen=lambda net: "gradients" in r or r.update(gradients=gradients(net)), criterion=criterion,
                                 clip=c.get("clip_norm", 0), spare=c.get("spare_biases", False)))
        r["weights"] = weights(net)
        with torch.no_grad():
            r["logits_after"] = net.eval()(x[:8].to(dtype)).tolist()
        return r

    ref, singles = run(torch.float64), [run(torch.float32, noise) for noise in range(2 if named else 4)]
    spread = [max(abs(v - loss) / loss for v in step) for loss, *step in zip(ref["losses"], *(s["losses"] for s in singles))]
    result = {"net": network, **c, "torch": torch.__version__, "labels": labels[:8].tolist(), "logits": ref["logits"],
              "losses": ref["losses"], "losses_float32": singles[0]["losses"], "spread": [float("%.2g" % v) for v in spread]}
    if named:
        whole = {"net." + n: t for n, t in torchvision_net(name, 1000, 4096).state_dict().items()} if name in TORCHVISION else ref["weights"]
        result["names"] = {n: list(t.shape) for n, t in whole.items() if t.dim() > 0}
        result["norms"] = {n: float("%.7g" % t.norm()) for n, t in ref["gradients"].items()}
        total = math.sqrt(sum(v * v for v in result["norms"].values()))
        error = max(abs(s["gradients"][n].norm().item() - v) / max(v, 1e-3 * total)
                    for s in singles for n, v in result["norms"].items())
        print(f"{name}: float32 error of the norms {error:.0e}")
        assert error < 5e-5, "a near tie: take another gain"
        result["logits_after"] = ref["logits_after"]
        return result
    for what in RESULTS:
        result[what] = summary(ref[what], [s[what] for s in singles], ref["start"] if what == "weights" else None)
    return result


def golden_resize(data):
    """Returns cases for Pillow's resize, each compared with the reference function, and the pixels of the first."""
    grey, _ = load_data(data, count=100)
    colour, _ = hash_images(2)
    cases = [("fashion-mnist", i, 224, 224) for i in range(100)]
    cases += [("fashion-mnist", i, h, w) for i in (0, 1)
              for h, w in ((37, 37), (96, 96), (14, 14), (28, 28), (61, 11), (28, 40), (5, 28), (1, 1))]
    cases += [("hash", i, h, w) for i in (0, 1) for h, w in ((47, 61), (224, 224), (28, 28), (64, 13), (32, 32))]
    out = []
    for source, i, h, w in cases:
        image = grey[i, 0] if source == "fashion-mnist" else np.ascontiguousarray(colour[i].transpose(1, 2, 0))
        pixels = pil_resize(image, h, w)
        assert np.array_equal(pixels, pil_resize_reference(image, h, w)), (source, i, h, w)
        out.append({"images": source, "index": i, "height": h, "width": w,
                    "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()})
    return out, pil_resize(grey[0, 0], 224, 224)


def golden_normalise():
    """Returns an image after torchvision's Normalize with ImageNet's numbers. It repeats the source of Normalize."""
    pixels, _ = hash_images(8)
    x = torch.from_numpy(pixels).double() / 255
    deviation, mean = torch.std_mean(x, dim=(0, 2, 3), unbiased=False)
    numbers = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]
    ms, ds = (torch.tensor(v).view(-1, 1, 1) for v in numbers)
    y = torch.from_numpy(pixels[0]).float().div(255).sub_(ms).div_(ds)
    return {"torch": torch.__version__, "normalisation": "/".join(",".join(map(str, v)) for v in numbers), "images": len(pixels),
            "mean": mean.tolist(), "deviation": deviation.tolist(), "x": y.flatten()[::101].tolist()}


# ---- commands ----

def command_init(a):
    torch.manual_seed(a.seed)
    net = Network(a.net)
    if a.hash is not None:
        init_hash(net, a.hash)
    else:
        for p in net.parameters():  # biases keep PyTorch's U(+-1/sqrt(fan_in)), except the paper's
            if a.net == "lin2013":
                nn.init.normal_(p, std=0.05) if p.dim() == 4 else nn.init.zeros_(p)
            elif p.dim() == 4:
                nn.init.xavier_uniform_(p)
    save_safetensors(a.out, {a.prefix + n[len("net."):]: t for n, t in net.state_dict().items()})


def command_train(a):
    net = Network(a.net, pool2=a.pool2)
    load_weights(net, a.init)
    if a.double:
        net.double()
    images, labels = load_data(a.data, count=a.images)
    used = min(len(images), a.batch * a.steps)
    x, losses = to_input(images[:used], INPUT[a.net]), []
    for loss in train(net, x, labels[:used], a.batch, a.steps, a.lr, a.momentum, a.weight_decay):
        losses.append(loss)
        print(json.dumps({"step": len(losses), "loss": loss}), flush=True)
    if a.losses:
        write_json(a.losses, {"net": a.net, "losses": losses})
    if a.out:
        save_safetensors(a.out, net.state_dict())


class Inputs:
    """Makes the network's input of an image on demand, because all of them at 224x224 take 12 GB."""

    def __init__(self, images, shape):
        self.images, self.shape = images, shape

    def __len__(self):
        return len(self.images)

    def __getitem__(self, some):
        return to_input(self.images[some], self.shape)


@torch.no_grad()
def evaluate(net, x, y, batch=100):
    """Returns the mean loss and the accuracy."""
    net.eval()
    loss, right, y = 0.0, 0, torch.from_numpy(y)
    for i in range(0, len(x), batch):
        logits, labels = net(x[i:i + batch]), y[i:i + batch]
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
        right += (logits.argmax(1) == labels).sum().item()
    net.train()
    return loss / len(x), right / len(x)


def command_epochs(a):
    torch.manual_seed(a.seed)
    net = Network(a.net, dropout=a.dropout, pool2=a.pool2)
    load_weights(net, a.init)
    images, labels = load_data(a.data, count=a.images)
    test, test_labels = load_data(a.data, "test", a.test_images)
    x, test = Inputs(images, INPUT[a.net]), Inputs(test, INPUT[a.net])
    steps, losses, begun = math.ceil(len(x) / a.batch), [], time.time()
    for loss in train(net, x, labels, a.batch, a.epochs * steps, a.lr, a.momentum, a.weight_decay):
        losses.append(loss * min(a.batch, len(x) - len(losses) * a.batch))
        if len(losses) == steps:
            test_loss, accuracy = evaluate(net, test, test_labels)
            print(json.dumps({"train_loss": sum(losses) / len(x), "test_loss": test_loss, "accuracy": accuracy,
                              "seconds": round(time.time() - begun)}), flush=True)
            losses = []


def command_check(a):
    net = Network(a.net, pool2=a.pool2).eval()
    load_weights(net, a.weights)
    images, labels = load_data(a.data, a.split, a.images)
    with torch.no_grad():
        logits = torch.cat([net(to_input(images[i:i + 32], INPUT[a.net])) for i in range(0, len(images), 32)])
    right = (logits.argmax(1).numpy() == labels).mean()
    print(json.dumps({"net": a.net, "accuracy": right, "labels": labels.tolist(), "logits": logits.tolist()}))


def command_bench(a):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = a.tf32
    torch.backends.cudnn.benchmark = True
    cuda = a.device == "cuda"
    net = Network(a.net, dropout=0.5, pool2=a.pool2).to(a.device, memory_format=torch.channels_last)
    x = torch.rand(a.batch, *INPUT[a.net]).to(a.device, memory_format=torch.channels_last)
    y = torch.arange(a.batch, device=a.device) % 10
    sgd = torch.optim.SGD(net.parameters(), 1e-3)

    def step():
        sgd.zero_grad()
        F.cross_entropy(net(x), y).backward()
        sgd.step()

    def seconds(f):
        start = time.perf_counter()
        f()
        if cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - start

    def median(f):
        return statistics.median([seconds(f) for _ in range(a.steps + 2)][2:])  # the first two warm up

    if cuda:
        adapter, driver = torch.cuda.get_device_name(), f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
    else:
        adapter = platform.processor() or platform.machine()
        if os.path.exists("/proc/cpuinfo"):
            with open("/proc/cpuinfo") as f:
                adapter = next((line.split(": ")[1].strip() for line in f if line.startswith("model name")), adapter)
        driver = f"{torch.get_num_threads()} threads"
    out = {"program": f"PyTorch {torch.__version__}", "adapter": adapter, "driver": driver, "recipe": a.net, "batch": a.batch,
           "tf32": cuda and a.tf32, "first_step_seconds": seconds(step), "train_images_per_s": a.batch / median(step)}
    inputs, hooks = {}, []
    for path, m in net.net.named_modules():
        if isinstance(m, nn.Conv2d):
            hooks.append(m.register_forward_hook(lambda m, args, y, path=path: inputs.update({path: (m, args[0], y)})))
    net.eval()
    with torch.no_grad():
        net(x)
        for h in hooks:
            h.remove()
        out["predict_images_per_s"] = a.batch / median(lambda: net(x))
        out["kernels"] = kernels = []
        for path, (m, x, y) in inputs.items():
            if not path.startswith(a.layer):
                continue

            def backward(*wanted):
                torch.ops.aten.convolution_backward(y, x, m.weight, [m.out_channels], m.stride, m.padding, m.dilation,
                                                    False, [0, 0], 1, wanted)
            passes = {"forward+relu": lambda: F.relu_(m(x)), "dx": lambda: backward(True, False, False),
                      "dw": lambda: backward(False, True, True)}
            flops = 2 * y.numel() * m.weight[0].numel()
            for name, f in passes.items():
                if name == "dx" and m.in_channels == INPUT[a.net][0]:
                    continue  # the gradient of the images is not needed
                t = median(f)
                shape = "[{},{}->{}] {}x{}".format(len(x), m.in_channels, m.out_channels, *x.shape[2:])
                shape += " {}x{} s{} p{}".format(*m.kernel_size, m.stride[0], m.padding[0])
                kernels.append({"layer": path, "kernel": "conv2d/" + name, "shape": shape, "ms": t * 1e3,
                                "gflop_per_s": flops / t / 1e9})
    print(json.dumps(out, indent=2))


def command_golden(a):
    def plain(stream, i, m=2**32):  # the hash of golden.py, in Python's own integers
        state = ((i + stream * 0x9E3779B9) * 747796405 + 2891336453) % m
        word = ((state >> ((state >> 28) + 4)) ^ state) * 277803737 % m
        return (word >> 22) ^ word

    assert all(hash32(s, 1000).tolist() == [plain(s, i) for i in range(1000)] for s in (0, 1, 23, 1000, 1001))
    for name in a.only.split(","):
        if name == "resize":
            cases, pixels = golden_resize(a.data)
            write_json(os.path.join(a.out, "resize.json"), {"pillow": Image.__version__, "cases": cases})
            with open(os.path.join(a.out, "resize.224.gz"), "wb") as f:
                f.write(gzip.compress(pixels.tobytes(), mtime=0))
            print(f"resize: {len(cases)} cases, all equal to pil_resize_reference")
            continue
        if name == "normalise":
            write_json(os.path.join(a.out, "normalise.json"), golden_normalise())
            continue
        result = golden_net(name, GOLDENS[name], a.data)
        losses, spread = result["losses"], result["spread"]
        print(f"{name}: losses", " ".join("%.4f" % v for v in losses))
        print(f"{name}: spread", " ".join("%.1e" % v for v in spread), flush=True)
        for what in RESULTS if "weights" in result else ():
            print(f"{name}: float32 error of {what}", " ".join("%.0e" % e["error"] for e in result[what].values()), flush=True)
        assert max(losses) > 1.05 * min(losses), "the losses do not move"
        assert max(spread) < 1e-5, "float32 leaves float64: take a smaller lr or another gain"
        write_json(os.path.join(a.out, name + ".json"), result)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(run, help):
        p = commands.add_parser(run.__name__[len("command_"):], help=help, description=help)
        p.set_defaults(run=run)
        p.add_argument("--threads", type=int, help="CPU threads (default: PyTorch's choice)")
        if run is not command_golden:
            p.add_argument("--net", choices=INPUT, required=True)
            p.add_argument("--pool2", choices=("max", "avg"), default="max", help="second pooling of lin2013")
        return p.add_argument

    arg = command(command_init, "initial weights: Xavier for d2l and mini, Gaussian for lin2013, or hashed")
    arg("out", metavar="OUT.safetensors")
    arg("--seed", type=int, default=0)
    arg("--hash", type=float, metavar="GAIN", help="hashed weights of this gain, as in the goldens")
    arg("--prefix", default="net.", help="prefix of the names; --prefix= for a bare Sequential's (default: net.)")

    def training(run, about):
        arg = command(run, about)
        arg("--init", required=True, metavar="F.safetensors")
        arg("--data", required=True, metavar="DIR")
        arg("--images", type=int, help="use the first N training images (default: all)")
        arg("--batch", type=int, default=128)
        arg("--lr", type=float, default=0.05)
        arg("--momentum", type=float, default=0.0)
        arg("--weight-decay", type=float, default=0.0)
        return arg

    arg = training(command_train, "train in file order without dropout, one JSON line a step")
    arg("--steps", type=int, default=20)
    arg("--double", action="store_true", help="train in float64")
    arg("--out", metavar="W.safetensors", help="write the trained weights")
    arg("--losses", metavar="OUT.json", help="write the losses to a JSON file")

    arg = training(command_epochs, "train in file order with dropout, one JSON line an epoch; train -shuffle=false does so in Go")
    arg("--test-images", type=int, help="use the first N test images (default: all)")
    arg("--epochs", type=int, default=2)
    arg("--dropout", type=float, default=0.5)
    arg("--seed", type=int, default=0, help="seed of dropout")

    arg = command(command_check, "load weights strictly and print the logits of the first images")
    arg("weights", metavar="W.safetensors")
    arg("--data", required=True, metavar="DIR")
    arg("--images", type=int, default=8)
    arg("--split", choices=("train", "test"), default="train")

    arg = command(command_bench, "images/s in training (with dropout) and prediction, and the passes of each convolution by "
                                 "itself: the JSON of `nin bench -json`, as far as it goes")
    arg("--batch", type=int, default=16)
    arg("--steps", type=int, default=5, help="number of steps; their median counts")
    arg("--layer", default="", metavar="PATH", help="only convolutions whose path begins with this, such as 2.0")
    arg("--device", choices=("cpu", "cuda"), default="cpu")
    arg("--tf32", action="store_true", help="let a GPU round products to TF32")

    arg = command(command_golden, "rewrite the golden files")
    arg("--data", default="/usr/share/datasets/fashion-mnist", metavar="DIR")
    arg("--out", default=HERE, metavar="DIR", help="folder to write to (default: beside this script)")
    arg("--only", default=",".join([*GOLDENS, "resize", "normalise"]), metavar="A,B", help="make only some of " + ", ".join([*GOLDENS, "resize", "normalise"]))

    a = parser.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    a.run(a)


if __name__ == "__main__":
    main()
