// max(v, 0), but NaN where v is NaN, as in PyTorch: max may lose a NaN, and so hide that a
// layer overflowed. The bits decide, because compilers may assume that no float is NaN:
// those of numbers below zero, and of -0, are 0x80000000 to 0xff800000, minus infinity.
fn rectify(v : vec4<f32>) -> vec4<f32> {
  let below = bitcast<vec4<u32>>(v) - vec4<u32>(0x80000000u) <= vec4<u32>(0x7f800000u);
  return select(v, vec4<f32>(), below);
}
