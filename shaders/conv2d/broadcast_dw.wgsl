// The operands of broadcast.wgsl for the weight gradient of a 1x1 convolution, one share of it: a row is an
// input channel, k a pixel. Shapes: x [N,InH,InW,InStride], dY [N,OutH,OutW,OutC], part [Shares,Rows,OutC].
// The last share overlaps the one before, whose pixels are of no weight then.
fn pixel_at(share : u32, k : u32) -> u32 { return min(share * Terms, Pixels - Terms) + k; }

fn address_at(share : u32, ci : u32, start : u32) -> u32 { return same24(pixel_at(share, start)) * InStride + same12(ci); }

fn four(at : u32, k : u32) -> vec4<f32> {
  let i = at + k * InStride;
  return vec4<f32>(x[i], x[i + InStride], x[i + 2u * InStride], x[i + 3u * InStride]);
}

fn columns_at(share : u32, k : u32, c : u32) -> vec4<f32> {
  let p = pixel_at(share, k);
  return select(vec4<f32>(), dY[p * OutVecs + c], p >= share * Terms);
}

fn sum_at(share : u32, row : u32, c : u32) -> vec4<f32> { return part[(share * AllRows + row) * OutVecs + c]; }

fn store_row(share : u32, row : u32, c : u32, v : vec4<f32>, last : bool) { part[(share * AllRows + row) * OutVecs + c] = v; }

fn initial(c : u32) -> vec4<f32> { return vec4<f32>(); }
