"""The networks of the other chapters of Dive into Deep Learning, with the state-dict names of the book's classes.

parity.py trains them.
"""
import torch
from torch import nn
from torch.nn import functional as F


def conv(out, kernel, stride=1, padding=None):
    return nn.LazyConv2d(out, kernel, stride, kernel // 2 if padding is None else padding)


def norm():
    return nn.LazyBatchNorm2d()


def lenet():
    return nn.Sequential(conv(6, 5), nn.Sigmoid(), nn.AvgPool2d(2), conv(16, 5, 1, 0), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten(),
                         nn.LazyLinear(120), nn.Sigmoid(), nn.LazyLinear(84), nn.Sigmoid(), nn.LazyLinear(10))


def head(dropout):
    return [nn.Flatten(), nn.LazyLinear(4096), nn.ReLU(), nn.Dropout(dropout), nn.LazyLinear(4096), nn.ReLU(), nn.Dropout(dropout),
            nn.LazyLinear(10)]


def alexnet(dropout):
    pool = nn.MaxPool2d(3, 2)
    return nn.Sequential(conv(96, 11, 4, 1), nn.ReLU(), pool, conv(256, 5), nn.ReLU(), pool, conv(384, 3), nn.ReLU(),
                         conv(384, 3), nn.ReLU(), conv(256, 3), nn.ReLU(), pool, *head(dropout))


def vgg11(dropout):
    blocks = []
    for convs, out in (1, 64), (1, 128), (2, 256), (2, 512), (2, 512):
        layers = [layer for _ in range(convs) for layer in (conv(out, 3), nn.ReLU())]
        blocks.append(nn.Sequential(*layers, nn.MaxPool2d(2, 2)))
    return nn.Sequential(*blocks, *head(dropout))


class Inception(nn.Module):
    def __init__(self, c1, c2, c3, c4):
        super().__init__()
        self.b1_1 = conv(c1, 1)
        self.b2_1, self.b2_2 = conv(c2[0], 1), conv(c2[1], 3)
        self.b3_1, self.b3_2 = conv(c3[0], 1), conv(c3[1], 5)
        self.b4_1, self.b4_2 = nn.MaxPool2d(3, 1, 1), conv(c4, 1)

    def forward(self, x):
        b1 = F.relu(self.b1_1(x))
        b2 = F.relu(self.b2_2(F.relu(self.b2_1(x))))
        b3 = F.relu(self.b3_2(F.relu(self.b3_1(x))))
        return torch.cat((b1, b2, b3, F.relu(self.b4_2(self.b4_1(x)))), dim=1)


def halve():
    return nn.MaxPool2d(3, 2, 1)


def googlenet():
    return nn.Sequential(
        nn.Sequential(conv(64, 7, 2), nn.ReLU(), halve()),
        nn.Sequential(conv(64, 1), nn.ReLU(), conv(192, 3), nn.ReLU(), halve()),
        nn.Sequential(Inception(64, (96, 128), (16, 32), 32), Inception(128, (128, 192), (32, 96), 64), halve()),
        nn.Sequential(Inception(192, (96, 208), (16, 48), 64), Inception(160, (112, 224), (24, 64), 64),
                      Inception(128, (128, 256), (24, 64), 64), Inception(112, (144, 288), (32, 64), 64),
                      Inception(256, (160, 320), (32, 128), 128), halve()),
        nn.Sequential(Inception(256, (160, 320), (32, 128), 128), Inception(384, (192, 384), (48, 128), 128),
                      nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten()),
        nn.LazyLinear(10))


class Residual(nn.Module):
    def __init__(self, out, conv1x1=False, stride=1):
        super().__init__()
        self.conv1, self.conv2 = conv(out, 3, stride), conv(out, 3)
        self.conv3 = conv(out, 1, stride) if conv1x1 else None
        self.bn1, self.bn2 = norm(), norm()

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.conv3(x) if self.conv3 else x))


def stem():
    return nn.Sequential(conv(64, 7, 2), norm(), nn.ReLU(), halve())


def resnet18():
    net = nn.Sequential(stem())
    for i, out in enumerate((64, 128, 256, 512)):
        blocks = Residual(out, i > 0, 2 if i else 1), Residual(out)
        net.add_module(f"b{i + 2}", nn.Sequential(*blocks))
    net.add_module("last", nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.LazyLinear(10)))
    return net


class DenseBlock(nn.Module):
    def __init__(self, convs, growth):
        super().__init__()
        self.net = nn.Sequential(*(nn.Sequential(norm(), nn.ReLU(), conv(growth, 3)) for _ in range(convs)))

    def forward(self, x):
        for block in self.net:
            x = torch.cat((x, block(x)), dim=1)
        return x


def densenet():
    net, channels = nn.Sequential(stem()), 64
    for i in range(4):
        net.add_module(f"dense_blk{i + 1}", DenseBlock(4, 32))
        channels = (channels + 4 * 32) // 2
        if i < 3:
            net.add_module(f"tran_blk{i + 1}", nn.Sequential(norm(), nn.ReLU(), conv(channels, 1), nn.AvgPool2d(2, 2)))
    net.add_module("last", nn.Sequential(norm(), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.LazyLinear(10)))
    return net
