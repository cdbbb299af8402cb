// Adds the bias, and applies the relu if ReLU is true.
fn store(p : u32, c : u32, v : vec4<f32>, b : vec4<f32>) {
  let sum = v + b;
  out[p * OutVecs + c] = select(sum, rectify(sum), ReLU);
}
