"""The code that parity.py (PyTorch) and tabs.py (the chapter's other frameworks) share for making golden files.

The hash of number i of stream p, modulo 2^32 (PCG output RXS-M-XS, Jarzynski and Olano, JCGT 9(3), 2020)
    x     = i + p*0x9E3779B9
    state = x*747796405 + 2891336453
    word  = ((state >> ((state >> 28) + 4)) ^ state) * 277803737
    hash  = (word >> 22) ^ word
Hashed weights: the stream p is the number of the parameter (weight 0, bias 1, weight 2, ...) in the order in which the modules
run, and i is its flat index in PyTorch's layout [out, in, kh, kw]. With fan_in = in*kh*kw of the convolution, and in float64 up
to the last step,
    u = (hash >> 8) / 2^24;  w = float32(bound * (2u - 1));  bound = gain*sqrt(6/fan_in), for a bias 1/sqrt(fan_in)
The weight of a normalisation is float32(1 + bound * (2u - 1)), with the bound of a bias; its fan_in is that of the convolution
before it. Running means and variances have no stream.
Hashed images: stream 1000, i is the flat index in [n, channel, row, column], pixel = hash >> 24. Labels: stream 1001,
label of image n = hash(n) % 10.
Pixels become float32(pixel) / float32(255), whatever precision follows.
"""
import glob
import gzip
import json
import math
import os
import struct
import sys

import numpy as np
from PIL import Image


# ---- the hash, and the data made from it ----

def hash32(stream, count):
    """Returns the first count numbers of a stream as uint32, by the formula at the top."""
    x = np.arange(count, dtype=np.uint32) + np.uint32(stream * 0x9E3779B9 & 0xFFFFFFFF)
    state = x * np.uint32(747796405) + np.uint32(2891336453)
    word = ((state >> ((state >> np.uint32(28)) + np.uint32(4))) ^ state) * np.uint32(277803737)
    return (word >> np.uint32(22)) ^ word


def hash_values(stream, shape, bound, middle=0):
    """Returns float32 values of a stream, uniform within bound of middle."""
    u = (hash32(stream, math.prod(shape)) >> np.uint32(8)).astype(np.float64) / 2**24
    return (middle + bound * (2 * u - 1)).astype(np.float32).reshape(shape)


def hash_images(count):
    """Returns count colour images [n, 3, 32, 32] and their labels."""
    pixels = (hash32(1000, count * 3 * 32 * 32) >> np.uint32(24)).astype(np.uint8)
    return pixels.reshape(count, 3, 32, 32), (hash32(1001, count) % np.uint32(10)).astype(np.int64)


# ---- data ----

def read(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        return f.read()


def read_idx(directory, name):
    for path in glob.glob(os.path.join(directory, name)) + glob.glob(os.path.join(directory, name + ".gz")):
        raw = read(path)
        start = 4 + 4 * raw[3]
        return np.frombuffer(raw, np.uint8, offset=start).reshape(struct.unpack(f">{raw[3]}I", raw[4:start]))
    sys.exit(f"{directory} has no {name}[.gz], nor CIFAR-10's binary files")


def load_data(directory, split="train", count=None):
    """Returns the first count 8-bit images [n, channel, row, column] and labels, from CIFAR-10's binary files or IDX files."""
    cifar = sorted(glob.glob(os.path.join(directory, "data_batch_*.bin" if split == "train" else "test_batch.bin")))
    if cifar:
        rows = np.frombuffer(b"".join(map(read, cifar)), np.uint8).reshape(-1, 3073)
        images, labels = rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0]
    else:
        name = "train" if split == "train" else "t10k"
        images = read_idx(directory, name + "-images-idx3-ubyte")[:, None]
        labels = read_idx(directory, name + "-labels-idx1-ubyte")
    return images[:count], labels[:count].astype(np.int64)


def pil_resize(image, height, width):
    """Resizes an 8-bit image, [row, column] or [row, column, 3], with Pillow."""
    return np.asarray(Image.fromarray(image).resize((width, height), Image.BILINEAR))


def input_array(images, shape):
    """Turns 8-bit [n, c, h, w] into the network's float32 input, resized by Pillow if the size differs."""
    channels, height, width = shape
    if images.shape[1] != channels:
        sys.exit(f"the images have {images.shape[1]} channels, the network takes {channels}")
    if images.shape[2:] != (height, width):
        last = images.transpose(0, 2, 3, 1)
        last = [pil_resize(np.ascontiguousarray(i[..., 0] if channels == 1 else i), height, width) for i in last]
        images = np.stack(last).reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
    return images.astype(np.float32) / np.float32(255)


# ---- golden files ----

def samples(flat, most=32):
    """Returns a few elements of a list of numbers, and the stride between them, which is coprime to the length."""
    stride = max(1, len(flat) // most)
    while math.gcd(stride, len(flat)) != 1:
        stride -= 1
    return {"stride": stride, "samples": [float("%.10g" % v) for v in flat[::stride][:most]]}


def write_json(path, value):
    with open(path, "w") as f:
        f.write(json.dumps(value).replace("}, ", "},\n ") + "\n")  # a line for each parameter or case
