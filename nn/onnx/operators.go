package onnx

import (
	"fmt"
	"slices"
	"strings"
)

// addition is the operators that an opset added.
type addition struct {
	opset, format int
	operators     []string
}

// added lists the operators of ONNX's default domain by the opset that added them, and the version
// of the file format that came with the opset. Operators from before opset 13 are listed under it;
// deprecated ones are left out. The list ends before opset 18, which changed operators: the axes of
// ReduceMean, for example, are an attribute until then and an input from then on.
//
// Source: onnx.defs.get_all_schemas_with_history and onnx.helper.VERSION_TABLE of Python's package
// onnx 1.23.
var added = []addition{
	{13, 7, strings.Fields(`
		Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization
		BitShift Cast Ceil Celu Clip Compress Concat ConcatFromSequence Constant ConstantOfShape Conv
		ConvInteger ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Det Div Dropout
		DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather
		GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual
		HardSigmoid Hardmax Identity If InstanceNormalization IsInf IsNaN LRN LSTM LeakyRelu Less
		LessOrEqual Log LogSoftmax Loop LpNormalization LpPool MatMul MatMulInteger Max MaxPool
		MaxRoiPool MaxUnpool Mean MeanVarianceNormalization Min Mod Mul Multinomial Neg
		NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot Or PRelu Pad Pow QLinearConv
		QLinearMatMul QuantizeLinear RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike
		Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
		ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RoiAlign Round Scan
		ScatterElements ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty SequenceErase
		SequenceInsert SequenceLength Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax
		SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze
		StringNormalizer Sub Sum Tan Tanh TfIdfVectorizer ThresholdedRelu Tile TopK Transpose Unique
		Unsqueeze Where Xor`)},
	{14, 7, strings.Fields("HardSwish Trilu")},
	{15, 8, strings.Fields("Bernoulli CastLike Optional OptionalGetElement OptionalHasElement")},
	{16, 8, strings.Fields("GridSample")},
	{17, 8, strings.Fields(`
		BlackmanWindow DFT HammingWindow HannWindow LayerNormalization MelWeightMatrix STFT SequenceMap`)},
}

// Opset returns the opset that an operator of the default domain needs: the one that added it, from
// 14 to 17, or 13 for older operators. It returns an error for other names. Names are as in
// https://onnx.ai/onnx/operators/, such as LeakyRelu.
func Opset(operator string) (int, error) {
	var all []string
	for _, a := range added {
		if slices.Contains(a.operators, operator) {
			return a.opset, nil
		}
		all = append(all, a.operators...)
	}
	hint := ""
	if i := slices.IndexFunc(all, func(name string) bool { return strings.EqualFold(name, operator) }); i >= 0 {
		hint = "; it has " + all[i]
	}
	return 0, fmt.Errorf("ONNX has no operator %q up to opset %d%s", operator, added[len(added)-1].opset, hint)
}

// Opset returns the lowest opset, from 13 on, that has all operators of m. It returns an error if
// an operator has none (see [Opset]).
func (m ModelProto) Opset() (int, error) {
	opset := added[0].opset
	for _, n := range m.Nodes {
		needs, err := Opset(n.Op)
		if err != nil {
			return 0, fmt.Errorf("node %s: %w", n.Name, err)
		}
		opset = max(opset, needs)
	}
	return opset, nil
}

// format returns the version of the file format that came with an opset of the list.
func format(opset int) int {
	i := slices.IndexFunc(added, func(a addition) bool { return a.opset == opset })
	return added[i].format
}
