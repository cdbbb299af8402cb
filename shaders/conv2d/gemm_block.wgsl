// Implicit GEMM for any device: out[p][c] = sum over taps (r,s) and channels k of
// in[pixel that tap (r,s) of p reads][k] * w[r][s][k][c].
// One invocation: 8 pixels x 12 channels in registers, without workgroup memory. Assigns.
// Its 20 loads feed 96 multiply-adds. Padding costs a select instead of a branch.
// From the loader: Pixel, pixel_at and tap, the address that a tap reads, or NoTap. From the
// store: bias and store. From row.wgsl: Row and mac.

// load returns 0 for taps in the padding, whose address is NoTap.
fn load(address : u32, k : u32) -> f32 {
  return select(in_[select(address, 0u, address == NoTap) + k], 0.0, address == NoTap);
}

fn run(group : u32, lane : u32) {
  let i = group * Lanes + lane;
  let block = i % PixelBlocks;
  let c = (i / PixelBlocks) * 3u;
  let c1 = min(c + 1u, OutVecs - 1u);
  let c2 = min(c + 2u, OutVecs - 1u);
  let p = block * 8u;
  // busy is 0 for lanes beyond the last channel, which skip the loops. It also hides the bounds of
  // the loops from FXC, which otherwise tries for seconds to unroll them.
  let busy = u32(c < OutVecs);
  let p0 = pixel_at(p);
  let p1 = pixel_at(p + 1u);
  let p2 = pixel_at(p + 2u);
  let p3 = pixel_at(p + 3u);
  let p4 = pixel_at(p + 4u);
  let p5 = pixel_at(p + 5u);
  let p6 = pixel_at(p + 6u);
  let p7 = pixel_at(p + 7u);
  var s0 = Row();
  var s1 = Row();
  var s2 = Row();
  var s3 = Row();
  var s4 = Row();
  var s5 = Row();
  var s6 = Row();
  var s7 = Row();
  for (var r = 0u; r < KH * busy; r = r + 1u) {
    for (var s = 0u; s < KW * busy; s = s + 1u) {
      let a0 = tap(p0, r, s);
      let a1 = tap(p1, r, s);
      let a2 = tap(p2, r, s);
      let a3 = tap(p3, r, s);
      let a4 = tap(p4, r, s);
      let a5 = tap(p5, r, s);
      let a6 = tap(p6, r, s);
      let a7 = tap(p7, r, s);
      for (var k = 0u; k < InC * busy; k = k + 1u) {
        let at = ((r * KW + s) * InC + k) * OutVecs;
        let row = Row(w[at + c], w[at + c1], w[at + c2]);
        s0 = mac(s0, load(a0, k), row);
        s1 = mac(s1, load(a1, k), row);
        s2 = mac(s2, load(a2, k), row);
        s3 = mac(s3, load(a3, k), row);
        s4 = mac(s4, load(a4, k), row);
        s5 = mac(s5, load(a5, k), row);
        s6 = mac(s6, load(a6, k), row);
        s7 = mac(s7, load(a7, k), row);
      }
    }
  }
  let b = Row(bias(c), bias(c1), bias(c2)); // once, because each load takes the driver time to compile
  // A loop, because each store takes the driver time to compile. Its variable bound prevents
  // unrolling.
  for (var j = 0u; j < min(8u, max(Pixels, p) - p) * busy; j = j + 1u) {
    var row = s0;
    if (j == 1u) { row = s1; }
    if (j == 2u) { row = s2; }
    if (j == 3u) { row = s3; }
    if (j == 4u) { row = s4; }
    if (j == 5u) { row = s5; }
    if (j == 6u) { row = s6; }
    if (j == 7u) { row = s7; }
    store3(p + j, c, row, b);
  }
}

fn store3(p : u32, c : u32, row : Row, b : Row) {
  if (c < OutVecs) { store(p, c, row.a, b.a); }
  if (c + 1u < OutVecs) { store(p, c + 1u, row.b, b.b); }
  if (c + 2u < OutVecs) { store(p, c + 2u, row.c, b.c); }
}
