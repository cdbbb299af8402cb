// The operands of broadcast.wgsl for a share of the weight gradient of a convolution without
// padding. A row is (r,s,ci), and k is a pixel of the share's dY. The pixels of a block are in one
// line.
// Shapes: x [N,InH,InW,InStride], dY [N,OutH,OutW,OutC], part [Shares,Rows,OutC].
// The last share may overlap the one before. Pixels that belong to that one count as zeros.
fn pixel_at(share : u32, k : u32) -> u32 { return min(share * Terms, Pixels - Terms) + k; }

fn address_at(share : u32, row : u32, start : u32) -> u32 {
  let p = same24(pixel_at(share, start));
  let k = same12(row);
  let line = p / (OutW * OutH) * InH + p / OutW % OutH * StrideH + k / (InC * KW) * DilationH;
  return (line * InW + p % OutW * StrideW + k / InC % KW * DilationW) * InStride + k % InC;
}

fn four(at : u32, k : u32) -> vec4<f32> {
  let step = StrideW * InStride;
  let i = at + k * step;
  return vec4<f32>(x[i], x[i + step], x[i + 2u * step], x[i + 3u * step]);
}

fn columns_at(share : u32, k : u32, c : u32) -> vec4<f32> {
  let p = pixel_at(share, k);
  return select(vec4<f32>(), dY[p * OutVecs + c], p >= share * Terms);
}

fn initial(c : u32) -> vec4<f32> { return vec4<f32>(); }

fn sum_at(share : u32, row : u32, c : u32) -> vec4<f32> { return part[(share * AllRows + row) * OutVecs + c]; }

fn store_row(share : u32, row : u32, c : u32, v : vec4<f32>, last : bool) { part[(share * AllRows + row) * OutVecs + c] = v; }
