// dX[c] = dY[First + c] for the C channels of x, in every pixel; the padding of dX
// is zero.
// Shapes: dY [Pixels,YElems], dX [Pixels,XElems], in Elems of Lanes channels. One
// invocation: one Elem of dX. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Pixels * XElems) { return; }
  let p = i / XElems;
  let e = i % XElems;
  let c = e * Lanes;
  var v = Elem(0.0);
  if (c < C) {
    v = select(v, dY[p * YElems + FirstElem + e], channels(c) < UElem(C));
  }
  dX[i] = v;
}
