// 1 / (1 + exp(-x)), from an exponential that does not overflow.
fn logistic(x : vec4<f32>) -> vec4<f32> {
  let z = exp(-abs(x));
  return select(vec4<f32>(1.0), z, x < vec4<f32>()) / (1.0 + z);
}
