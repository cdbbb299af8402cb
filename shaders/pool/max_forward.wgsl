// y = the largest x of the window, and index = its place in the window (row major). Among equal
// values the first counts, but among NaNs the last, as in PyTorch. With ReLU, a window whose
// largest value is not above 0 has no place, so that the gradient is also that of the relu that
// made x.
// Shapes: x [N,InH,InW,C], y and index [N,OutH,OutW,C], C in Elems of Lanes.
// One invocation: one Elem of y. Assigns.
const Infinity = 0x7f800000u;

// The bits of |v|. Those of a NaN are above infinity's; a comparison of floats would not
// do, because compilers may assume that no float is NaN.
fn magnitude(v : Elem) -> UElem { return bitcast<UElem>(v) & UElem(0x7fffffffu); }

fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= N * OutH * OutW * Elems) { return; }
  let p = place(i, OutH, OutW);
  let h0 = i32(p.h * StrideH) - i32(PadTop);
  let w0 = i32(p.w * StrideW) - i32(PadLeft);
  let r0 = max(0, -h0);
  let s0 = max(0, -w0);
  var best = x[((p.n * InH + u32(h0 + r0)) * InW + u32(w0 + s0)) * Elems + p.c];
  var at = UElem(u32(r0) * KW + u32(s0));
  for (var r = r0; r < min(i32(KH), i32(InH) - h0); r = r + 1) {
    for (var s = s0; s < min(i32(KW), i32(InW) - w0); s = s + 1) {
      let v = x[((p.n * InH + u32(h0 + r)) * InW + u32(w0 + s)) * Elems + p.c];
      let better = ((v > best) & (magnitude(best) <= UElem(Infinity))) | (magnitude(v) > UElem(Infinity));
      best = select(best, v, better);
      at = select(at, UElem(u32(r) * KW + u32(s)), better);
    }
  }
  y[i] = best;
  if (ReLU) { at = select(at, UElem(None), best <= Elem(0.0)); }
  index[i] = at;
}
