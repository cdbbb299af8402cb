// y = the bias, if any, + the sum over the taps and the channels of the group of x * w, and 0 from channel
// OutC on.
// Shapes: x [N,InH,InW,InStride], w [Rows,OutStride], y [N,OutH,OutW,OutStride].
// One invocation: one element of y. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= N * OutH * OutW * OutStride) { return; }
  let co = i % OutStride;
  let pixel = i / OutStride;
  if (co >= OutC) {
    y[i] = 0.0;
    return;
  }
  let first = co / GroupOut * GroupIn;
  let n = pixel / (OutH * OutW);
  var sum = 0.0;
  if (Bias) { sum = w[(Rows - 1u) * OutStride + co]; }
  for (var r = 0u; r < TapsH; r = r + 1u) {
    let h = pixel / OutW % OutH * StrideH + r * DilationH; // in the padded image
    if (h < PadTop || h >= PadTop + InH) { continue; }
    for (var s = 0u; s < TapsW; s = s + 1u) {
      let v = pixel % OutW * StrideW + s * DilationW;
      if (v < PadLeft || v >= PadLeft + InW) { continue; }
      let at = ((n * InH + h - PadTop) * InW + v - PadLeft) * InStride + first;
      let row = (r * TapsW + s) * GroupIn;
      for (var ci = 0u; ci < GroupIn; ci = ci + 1u) {
        sum = sum + x[at + ci] * w[(row + ci) * OutStride + co];
      }
    }
  }
  y[i] = sum;
}
