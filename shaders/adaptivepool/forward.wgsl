// y = the mean of the window.
// Shapes: x [N,InH,InW,C], y [N,OutH,OutW,C], C in Elems.
// One invocation: one Elem of y. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= N * OutH * OutW * Elems) { return; }
  let pixel = i / Elems;
  let oh = pixel / OutW % OutH;
  let ow = pixel % OutW;
  let h0 = first(oh, InH, OutH);
  let h1 = end(oh, InH, OutH);
  let w0 = first(ow, InW, OutW);
  let w1 = end(ow, InW, OutW);
  var sum = Elem(0.0);
  for (var h = h0; h < h1; h = h + 1u) {
    for (var w = w0; w < w1; w = w + 1u) {
      sum = sum + x[((pixel / (OutH * OutW) * InH + h) * InW + w) * Elems + i % Elems];
    }
  }
  y[i] = sum / Elem(f32((h1 - h0) * (w1 - w0)));
}
