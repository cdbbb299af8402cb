// Four values along k, which belong to one tap and are adjacent in memory.
fn fetch(p : Pixel, k : u32) -> vec4<f32> {
  let t = select(k / InC, 0u, KH * KW == 1u);
  let address = tap(p, t / KW, t % KW);
  let inside = (!Padded | (address != NoTap)) & (Whole | (k < K));
  return select(vec4<f32>(), in_[select(0u, address + (k - t * InC) / 4u, inside)], inside);
}
