// Applies the gradient of the relu whose output is x.
fn store(p : u32, c : u32, v : vec4<f32>, b : vec4<f32>) {
  let i = p * OutVecs + c;
  out[i] = select(vec4<f32>(), v, x[i] > vec4<f32>());
}
