// part = the sum over the output pixels of every Shares-th image of x * dY, or of dY in the
// bias's row, and 0 from channel OutC on.
// Shapes: x [N,InH,InW,InStride], dY [N,OutH,OutW,OutStride], part [Shares,Rows,OutStride].
// One invocation: one element of part, pixel after pixel. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Shares * Rows * OutStride) { return; }
  let co = i % OutStride;
  let row = i / OutStride % Rows;
  let bias = Bias && row == Rows - 1u;
  let tap = row / GroupIn;
  let r = tap / TapsW * DilationH;
  let s = tap % TapsW * DilationW;
  let channel = co / GroupOut * GroupIn + row % GroupIn;
  var sum = 0.0;
  if (co < OutC) {
    for (var n = i / (Rows * OutStride); n < N; n = n + Shares) {
      for (var oh = 0u; oh < OutH; oh = oh + 1u) {
        let h = oh * StrideH + r; // in the padded image
        if (!bias && (h < PadTop || h >= PadTop + InH)) { continue; }
        for (var ow = 0u; ow < OutW; ow = ow + 1u) {
          let d = dY[((n * OutH + oh) * OutW + ow) * OutStride + co];
          let v = ow * StrideW + s;
          if (bias) {
            sum = sum + d;
          } else if (v >= PadLeft && v < PadLeft + InW) {
            sum = sum + d * x[((n * InH + h - PadTop) * InW + v - PadLeft) * InStride + channel];
          }
        }
      }
    }
  }
  part[i] = sum;
}
