// y = the largest x of the window, and where it stood in the window (row major;
// of equals the first, as in PyTorch). A window whose largest value is not
// above Floor counts as none: with Floor = 0 the gradient is also that of the
// relu that made x.
// Shapes: x [N,InH,InW,C], y and index [N,OutH,OutW,C], C in Elems of Lanes.
// One invocation: one Elem of y. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= N * OutH * OutW * Elems) { return; }
  let p = place(i, OutH, OutW);
  let h0 = i32(p.h * StrideH) - i32(PadTop);
  let w0 = i32(p.w * StrideW) - i32(PadLeft);
  var best = Elem(-3.4028234e38);
  var at = UElem(None);
  for (var r = max(0, -h0); r < min(i32(KH), i32(InH) - h0); r = r + 1) {
    for (var s = max(0, -w0); s < min(i32(KW), i32(InW) - w0); s = s + 1) {
      let v = x[((p.n * InH + u32(h0 + r)) * InW + u32(w0 + s)) * Elems + p.c];
      let better = v > best;
      best = select(best, v, better);
      at = select(at, UElem(u32(r) * KW + u32(s)), better);
    }
  }
  y[i] = best;
  index[i] = select(at, UElem(None), best <= Elem(Floor));
}
