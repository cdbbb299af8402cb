// Adds the bias, the last row of w, then relu where ReLU.
fn store(p : u32, c : u32, v : vec4<f32>) {
  let sum = v + w[KH * KW * InC * OutVecs + c];
  out[p * OutVecs + c] = select(sum, max(sum, vec4<f32>()), ReLU);
}
