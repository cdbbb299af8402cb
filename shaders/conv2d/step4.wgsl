// Reads four input channels at a time.
const Step = 4u;
struct Weights { k0 : vec4<f32>, k1 : vec4<f32>, k2 : vec4<f32>, k3 : vec4<f32> }

fn weights(i : u32) -> Weights {
  return Weights(w[i], w[i + OutVecs], w[i + 2u * OutVecs], w[i + 3u * OutVecs]);
}

fn load(address : u32, k : u32) -> vec4<f32> {
  if (!Padded) { return in_[address + k]; }
  return select(in_[select(address, 0u, address == NoTap) + k], vec4<f32>(), address == NoTap);
}

fn mac(sum : vec4<f32>, x : vec4<f32>, v : Weights) -> vec4<f32> {
  return sum + v.k0 * x.x + v.k1 * x.y + v.k2 * x.z + v.k3 * x.w;
}
