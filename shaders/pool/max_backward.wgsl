// dX = the sum of dY over the windows whose largest value is this pixel.
// Shapes: dX [N,InH,InW,C], dY and index [N,OutH,OutW,C], C in Elems of Lanes.
// One invocation: one Elem of dX, gathered from the windows that cover it.
// Assigns.
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
      let o = ((p.n * OutH + oh) * OutW + ow) * Elems + p.c;
      let here = UElem((h - oh * StrideH) * KW + (w - ow * StrideW));
      sum = sum + select(Elem(0.0), dY[o], index[o] == here);
    }
  }
  dX[i] = sum;
}
