// y = a + b in the first C channels of every pixel; the padding of y is zero,
// whatever that of a and b is.
// Shapes: a [Pixels,AElems], b [Pixels,BElems], y [Pixels,YElems], in Elems of
// Lanes channels. One invocation: one Elem of y. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Pixels * YElems) { return; }
  let p = i / YElems;
  let e = i % YElems;
  let c = e * Lanes;
  var sum = Elem(0.0);
  if (c < C) {
    sum = select(sum, a[p * AElems + e] + b[p * BElems + e], channels(c) < UElem(C));
  }
  y[i] = sum;
}
