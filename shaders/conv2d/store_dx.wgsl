fn store(p : u32, c : u32, v : vec4<f32>, b : vec4<f32>) {
  out[p * OutVecs + c] = v;
}
