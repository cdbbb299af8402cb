// Adds the bias, a row of w, if Biased is true, and applies the relu if ReLU is true.
fn constant(c : u32) -> f32 {
  if (Biased) { return w[Bias * C + c]; }
  return 0.0;
}

fn finish(address : u32, v : f32, bias : f32) -> f32 {
  let sum = v + bias;
  return select(sum, rectify(vec4<f32>(sum)).x, ReLU);
}
