// Four values along k, which are of one tap and lie side by side.
fn fetch(p : Pixel, k : u32) -> vec4<f32> {
  let t = k / InC;
  let address = tap(p, t / KW, t % KW);
  let inside = (address != NoTap) & (k < K);
  return select(vec4<f32>(), in_[select(0u, address + k % InC / 4u, inside)], inside);
}
