// y = the mean of the window. The divisor counts padding inside the padded
// image when CountPad, else only pixels of the image.
// Shapes: x [N,InH,InW,C], y [N,OutH,OutW,C], C in Elems of Lanes.
// One invocation: one Elem of y. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= N * OutH * OutW * Elems) { return; }
  let p = place(i, OutH, OutW);
  let h0 = i32(p.h * StrideH) - i32(PadTop);
  let w0 = i32(p.w * StrideW) - i32(PadLeft);
  var sum = Elem(0.0);
  for (var h = max(0, h0); h < min(i32(InH), h0 + i32(KH)); h = h + 1) {
    for (var w = max(0, w0); w < min(i32(InW), w0 + i32(KW)); w = w + 1) {
      sum = sum + x[((p.n * InH + u32(h)) * InW + u32(w)) * Elems + p.c];
    }
  }
  y[i] = sum / Elem(divisor(p.h, p.w));
}
