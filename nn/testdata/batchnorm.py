#!/usr/bin/env python3
"""batchnorm.py DIR: writes batchnorm.json, what PyTorch makes of a small network with BatchNorm2d in float64.

DIR is ../data/testdata/fashion-mnist. Twenty images, batches of 8, 8 and 4, two passes. Weight number i of tensor p starts at
((i*7919 + p*104729) % 2001 - 1000) / 1000 * 0.4 / sqrt(fan), rounded to float32, where fan is the product of the shape without its
first number; norms start as PyTorch has them. It needs torch 1.13 or later and numpy.
"""
import gzip
import json
import os
import sys

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F


def idx(name, skip):
    path = os.path.join(sys.argv[1], name)
    raw = gzip.open(path + ".gz").read() if os.path.exists(path + ".gz") else open(path, "rb").read()
    return np.frombuffer(raw, np.uint8, offset=skip)


x = torch.tensor((idx("train-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)[:20].astype(np.float32) / np.float32(255))).double()
y = torch.tensor(idx("train-labels-idx1-ubyte", 8)[:20].astype(np.int64))
net = nn.Sequential(nn.Conv2d(1, 6, 3, 1, 1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(6, 10, 3), nn.BatchNorm2d(10, eps=1e-3, momentum=0.3), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten()).double()
for p, t in enumerate(q for q in net.parameters() if q.dim() == 4):
    i = np.arange(t.numel(), dtype=np.int64)
    w = ((i * 7919 + p * 104729) % 2001 - 1000) / 1000 * 0.4 / np.sqrt(t.numel() / t.shape[0])
    t.data = torch.tensor(w.astype(np.float32)).double().reshape(t.shape)
for m in net:
    if isinstance(m, nn.Conv2d):
        m.bias.data.zero_()
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
losses = []
for _ in range(2):
    for at in (0, 8, 16):
        opt.zero_grad()
        loss = F.cross_entropy(net(x[at:at + 8]), y[at:at + 8])
        loss.backward()
        opt.step()
        losses.append(loss.item())
net.eval()
state = {k: v.flatten().tolist() for k, v in net.state_dict().items() if v.dim() == 1}
json.dump({"losses": losses, "logits": net(x[:3]).tolist(), "state": state}, open("batchnorm.json", "w"), indent=1)
