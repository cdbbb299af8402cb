// dX = the sum, over the windows that cover the pixel, of dY / divisor.
// Shapes: dX [N,InH,InW,C], dY [N,OutH,OutW,C], C in Elems of Lanes.
// One invocation: one Elem of dX. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= N * InH * InW * Elems) { return; }
  let p = place(i, InH, InW);
  let w = p.w + PadLeft;
  let h = p.h + PadTop;
  var sum = Elem(0.0);
  // Window oh covers padded row h when oh * StrideH <= h < oh * StrideH + KH.
  for (var oh = (max(h + StrideH, KH) - KH) / StrideH; oh < min(OutH, h / StrideH + 1u); oh = oh + 1u) {
    for (var ow = (max(w + StrideW, KW) - KW) / StrideW; ow < min(OutW, w / StrideW + 1u); ow = ow + 1u) {
      sum = sum + dY[((p.n * OutH + oh) * OutW + ow) * Elems + p.c] / Elem(divisor(oh, ow));
    }
  }
  dX[i] = sum;
}
