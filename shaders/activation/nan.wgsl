// v, but NaN where x is: the exponential of NaN is a number on some drivers, SwiftShader among
// them, and would hide that a layer overflowed. The bits decide, because compilers may assume
// that no float is NaN: those of |NaN| are above infinity's.
fn passNaN(v : vec4<f32>, x : vec4<f32>) -> vec4<f32> {
  return select(v, x, (bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u));
}
