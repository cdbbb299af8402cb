// Adds the bias, the last row of w, then relu where ReLU.
fn bias(c : u32) -> vec4<f32> { return w[KH * KW * InC * OutVecs + c]; }

fn store(p : u32, c : u32, v : vec4<f32>, b : vec4<f32>) {
  let sum = v + b;
  out[p * OutVecs + c] = select(sum, rectify(sum), ReLU);
}
