"""Makes helper.onnx, double.onnx and outside.onnx with the onnx package (1.23.2)."""

import onnx
from onnx import TensorProto, helper

for name, typ in [("helper", TensorProto.FLOAT), ("double", TensorProto.DOUBLE), ("outside", TensorProto.FLOAT)]:
    w = helper.make_tensor("w", typ, [2, 1], [1, -2])
    if name == "outside":
        w.ClearField("float_data")
        w.data_location = TensorProto.EXTERNAL
        w.external_data.add(key="location", value="weights.bin")
    y = helper.make_tensor_value_info("y", typ, [2, 1])
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], name, [], [y], [w])
    with open(name + ".onnx", "wb") as f:
        f.write(helper.make_model(graph).SerializeToString())
