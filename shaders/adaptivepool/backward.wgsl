// dX = the sum, over the windows that cover the pixel, of dY / the pixels of the window.
// Shapes: dX [N,InH,InW,C], dY [N,OutH,OutW,C], C in Elems.
// One invocation: one Elem of dX. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= N * InH * InW * Elems) { return; }
  let pixel = i / Elems;
  let h = pixel / InW % InH;
  let w = pixel % InW;
  var sum = Elem(0.0);
  for (var oh = first(h, OutH, InH); oh < end(h, OutH, InH); oh = oh + 1u) {
    let rows = end(oh, InH, OutH) - first(oh, InH, OutH);
    for (var ow = first(w, OutW, InW); ow < end(w, OutW, InW); ow = ow + 1u) {
      let columns = end(ow, InW, OutW) - first(ow, InW, OutW);
      sum = sum + dY[((pixel / (InH * InW) * OutH + oh) * OutW + ow) * Elems + i % Elems] / Elem(f32(rows * columns));
    }
  }
  dX[i] = sum;
}
