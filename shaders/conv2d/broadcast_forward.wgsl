// The operands of broadcast.wgsl for a 1x1 convolution, forward or input gradient: a row is a pixel.
// From the store: bias and store.
fn address_at(share : u32, p : u32, start : u32) -> u32 { return same24(p) * InStride + same12(start / 4u); }

fn four(at : u32, k : u32) -> vec4<f32> { return in_[at + k / 4u]; }

fn columns_at(share : u32, k : u32, c : u32) -> vec4<f32> { return w[k * OutVecs + c]; }

fn initial(c : u32) -> vec4<f32> { return bias(c); }

fn sum_at(share : u32, p : u32, c : u32) -> vec4<f32> { return out[p * OutVecs + c]; }

fn store_row(share : u32, p : u32, c : u32, v : vec4<f32>, last : bool) {
  if (last) {
    store(p, c, v, vec4<f32>());
  } else {
    out[p * OutVecs + c] = v;
  }
}
