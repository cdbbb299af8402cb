// Four values along k, which may belong to different taps.
fn fetch_one(p : Pixel, k : u32) -> f32 {
  let t = select(k / InC, 0u, KH * KW == 1u);
  let address = tap(p, t / KW, t % KW);
  let inside = (!Padded | (address != NoTap)) & (Whole | (k < K));
  return select(0.0, in_[select(0u, address + (k - t * InC), inside)], inside);
}

fn fetch(p : Pixel, k : u32) -> vec4<f32> {
  return vec4<f32>(fetch_one(p, k), fetch_one(p, k + 1u), fetch_one(p, k + 2u), fetch_one(p, k + 3u));
}
