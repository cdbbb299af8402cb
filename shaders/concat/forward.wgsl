// y[First + c] = x[c] for the C channels of x, in every pixel; with the last part,
// the padding of y from there on is zero. The other channels of y are those of
// other parts and are not touched.
// Shapes: x [Pixels,XElems], y [Pixels,YElems], in Elems of Lanes channels; Span
// of YElems are written, from FirstElem on. One invocation: one Elem of y.
// Assigns a part.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Pixels * Span) { return; }
  let p = i / Span;
  let e = i % Span;
  let c = e * Lanes;
  var v = Elem(0.0);
  if (c < C) {
    v = select(v, x[p * XElems + e], channels(c) < UElem(C));
  }
  y[p * YElems + FirstElem + e] = v;
}
