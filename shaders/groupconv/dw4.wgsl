// The four output channels have the same four input channels.
struct Sums { k0 : vec4<f32>, k1 : vec4<f32>, k2 : vec4<f32>, k3 : vec4<f32> }

fn mac(sum : Sums, x : vec4<f32>, d : vec4<f32>) -> Sums {
  return Sums(sum.k0 + d * x.x, sum.k1 + d * x.y, sum.k2 + d * x.z, sum.k3 + d * x.w);
}

fn store(row : u32, c : u32, v : Sums) {
  part[row * OutVecs + c] = v.k0;
  part[(row + 1u) * OutVecs + c] = v.k1;
  part[(row + 2u) * OutVecs + c] = v.k2;
  part[(row + 3u) * OutVecs + c] = v.k3;
}
