// The four output channels have the same four input channels.
struct Weights { k0 : vec4<f32>, k1 : vec4<f32>, k2 : vec4<f32>, k3 : vec4<f32> }

fn weights(i : u32) -> Weights {
  return Weights(w[i], w[i + OutVecs], w[i + 2u * OutVecs], w[i + 3u * OutVecs]);
}

fn mac(sum : vec4<f32>, x : vec4<f32>, v : Weights) -> vec4<f32> {
  return sum + v.k0 * x.x + v.k1 * x.y + v.k2 * x.z + v.k3 * x.w;
}
