// Implicit GEMM for llvmpipe: out[p][c] = sum over taps (r,s) and channels k of
// in[pixel that tap (r,s) of p reads][k] * w[r][s][k][c].
// A workgroup of 8 lanes computes 24 pixels x 32 channels. A lane has 4 channels of all these
// pixels in registers. All lanes read the same pixels. The driver can see that the addresses are
// equal, and loads each pixel once. Assigns.
// From the loader: Pixel, pixel_at and tap. From the store: bias and store. From the step: Step,
// the number of channels at a time, Weights, weights, load and mac.
struct Pixels8 { p0 : Pixel, p1 : Pixel, p2 : Pixel, p3 : Pixel, p4 : Pixel, p5 : Pixel, p6 : Pixel, p7 : Pixel }
struct Taps8 { p0 : u32, p1 : u32, p2 : u32, p3 : u32, p4 : u32, p5 : u32, p6 : u32, p7 : u32 }
struct Sums8 {
  p0 : vec4<f32>, p1 : vec4<f32>, p2 : vec4<f32>, p3 : vec4<f32>,
  p4 : vec4<f32>, p5 : vec4<f32>, p6 : vec4<f32>, p7 : vec4<f32>,
}

fn pixels8(p : u32) -> Pixels8 {
  return Pixels8(
    pixel_at(p), pixel_at(p + 1u), pixel_at(p + 2u), pixel_at(p + 3u),
    pixel_at(p + 4u), pixel_at(p + 5u), pixel_at(p + 6u), pixel_at(p + 7u));
}

fn taps8(q : Pixels8, r : u32, s : u32) -> Taps8 {
  return Taps8(
    tap(q.p0, r, s), tap(q.p1, r, s), tap(q.p2, r, s), tap(q.p3, r, s),
    tap(q.p4, r, s), tap(q.p5, r, s), tap(q.p6, r, s), tap(q.p7, r, s));
}

fn mac8(t : Sums8, a : Taps8, k : u32, w : Weights) -> Sums8 {
  return Sums8(
    mac(t.p0, load(a.p0, k), w), mac(t.p1, load(a.p1, k), w), mac(t.p2, load(a.p2, k), w), mac(t.p3, load(a.p3, k), w),
    mac(t.p4, load(a.p4, k), w), mac(t.p5, load(a.p5, k), w), mac(t.p6, load(a.p6, k), w), mac(t.p7, load(a.p7, k), w));
}

fn store1(p : u32, c : u32, v : vec4<f32>, b : vec4<f32>) {
  if (p < Pixels) { store(p, c, v, b); }
}

fn store8(p : u32, c : u32, t : Sums8, b : vec4<f32>) {
  store1(p, c, t.p0, b);
  store1(p + 1u, c, t.p1, b);
  store1(p + 2u, c, t.p2, b);
  store1(p + 3u, c, t.p3, b);
  store1(p + 4u, c, t.p4, b);
  store1(p + 5u, c, t.p5, b);
  store1(p + 6u, c, t.p6, b);
  store1(p + 7u, c, t.p7, b);
}

fn run(group : u32, lane : u32) {
  let c = (group % OutBlocks) * 8u + lane;
  let clamped = min(c, OutVecs - 1u);
  let p = (group / OutBlocks) * 24u;
  let first = same24(p);
  let q0 = pixels8(first);
  let q1 = pixels8(first + 8u);
  let q2 = pixels8(first + 16u);
  var t0 = Sums8();
  var t1 = Sums8();
  var t2 = Sums8();
  for (var r = 0u; r < KH; r = r + 1u) {
    for (var s = 0u; s < KW; s = s + 1u) {
      let a0 = taps8(q0, same12(r), same12(s));
      let a1 = taps8(q1, same12(r), same12(s));
      let a2 = taps8(q2, same12(r), same12(s));
      let tap_row = (r * KW + s) * InC;
      for (var k = 0u; k < InC / Step; k = k + 1u) {
        let v = weights((tap_row + k * Step) * OutVecs + clamped);
        let channel = same12(k);
        t0 = mac8(t0, a0, channel, v);
        t1 = mac8(t1, a1, channel, v);
        t2 = mac8(t2, a2, channel, v);
      }
    }
  }
  let b = bias(clamped); // once, because each load takes the driver time to compile
  if (c < OutVecs) {
    store8(p, c, t0, b);
    store8(p + 8u, c, t1, b);
    store8(p + 16u, c, t2, b);
  }
}
