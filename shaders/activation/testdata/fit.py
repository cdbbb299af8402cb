#!/usr/bin/env python3
"""Fits the polynomials of gelu.wgsl and tanh.wgsl, and measures their relative errors in float32. It needs numpy.

The fits are least squares, weighted again and again where the error is largest, so that it comes near the smallest
possible maximum (Lawson's algorithm).
"""
from math import erfc, exp, sqrt

import numpy as np


def fit(x, y, powers):
    basis, weight = np.stack([x**p for p in powers], 1), np.ones(len(x))
    best = None
    for _ in range(100):
        w = weight / np.abs(y)
        c = np.linalg.lstsq(basis * w[:, None], y * w, rcond=None)[0]
        error = np.abs(basis @ c / y - 1)
        if best is None or error.max() < best[0]:
            best = error.max(), c
        weight *= (error / error.max() + 1e-3) ** 0.25
    return best[1].astype(np.float32)


def horner(c, x):
    sum = np.float32(0)
    for k in c[::-1]:
        sum = sum * x + k
    return sum


def report(name, c, got, want):
    print(name, [float(v) for v in c], "largest relative error in float32: %.2g" % np.abs(got / want - 1).max())


# The upper tail of the normal distribution is exp(-a^2/2) t poly(t) with t = 1/(1 + 0.35 a), as in formula 7.1.26 of
# Abramowitz and Stegun, "Handbook of Mathematical Functions", with more terms.
a = np.concatenate([np.linspace(0, 4, 3000), np.linspace(4, 12, 2000)]).astype(np.float32)
tail = np.array([erfc(v / sqrt(2)) / 2 for v in a.astype(float)])
t = 1 / (1 + np.float32(0.35) * a)
c = fit(1 / (1 + 0.35 * a.astype(float)), np.array([q * exp(v * v / 2) for q, v in zip(tail, a.astype(float))]), range(1, 10))
report("tail", c, np.exp(np.float32(-0.5) * a * a) * t * horner(c, t), tail)

# tanh x is x + x z poly(z) with z = x^2, for |x| < 0.625.
x = np.linspace(1e-3, 0.625, 3000).astype(np.float32)
z = x.astype(float) ** 2
c = fit(z, (np.tanh(x.astype(float)) - x) / (x * z), range(5))
report("tanh", c, x + x * (x * x) * horner(c, x * x), np.tanh(x.astype(float)))
