"""Runs an ONNX model with onnxruntime, for the tests.

usage: run.py MODEL IMAGES N C H W

IMAGES holds N*C*H*W bytes, [N,C,H,W]. Prints the outputs as JSON, a list of
lists, of all images at once and of the first alone. Checks the model with onnx
where that is installed.
"""

import json
import sys

import numpy
import onnxruntime

try:
    import onnx

    onnx.checker.check_model(onnx.load(sys.argv[1]), full_check=True)
except ImportError:
    pass

shape = [int(a) for a in sys.argv[3:7]]
x = numpy.fromfile(sys.argv[2], numpy.uint8).reshape(shape).astype(numpy.float32) / numpy.float32(255)
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
run = lambda x: session.run(["logits"], {"images": x})[0].reshape(len(x), -1).tolist()
json.dump({"all": run(x), "first": run(x[:1])}, sys.stdout)
