fn bias(c : u32) -> vec4<f32> { return vec4<f32>(); }

fn store(p : u32, c : u32, v : vec4<f32>, b : vec4<f32>) {
  out[p * OutVecs + c] = v;
}
