// dX = the sum over the taps that read the pixel, and the output channels of the group, of
// dY * w, and 0 from channel InC on.
// Shapes: dX [N,InH,InW,InStride], w [Rows,OutStride], dY [N,OutH,OutW,OutStride].
// One invocation: one element of dX. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= N * InH * InW * InStride) { return; }
  let c = i % InStride;
  let pixel = i / InStride;
  if (c >= InC) {
    dX[i] = 0.0;
    return;
  }
  let ci = c % GroupIn;
  let first = c / GroupIn * GroupOut;
  let n = pixel / (InH * InW);
  var sum = 0.0;
  for (var r = 0u; r < TapsH; r = r + 1u) {
    let h = pixel / InW % InH + PadTop; // in the padded image
    if (h < r * DilationH || (h - r * DilationH) % StrideH != 0u || (h - r * DilationH) / StrideH >= OutH) { continue; }
    for (var s = 0u; s < TapsW; s = s + 1u) {
      let v = pixel % InW + PadLeft;
      if (v < s * DilationW || (v - s * DilationW) % StrideW != 0u || (v - s * DilationW) / StrideW >= OutW) { continue; }
      let at = ((n * OutH + (h - r * DilationH) / StrideH) * OutW + (v - s * DilationW) / StrideW) * OutStride + first;
      let row = ((r * TapsW + s) * GroupIn + ci) * OutStride + first;
      for (var co = 0u; co < GroupOut; co = co + 1u) {
        sum = sum + dY[at + co] * w[row + co];
      }
    }
  }
  dX[i] = sum;
}
