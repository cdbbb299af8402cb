// The operands of the weight and bias gradient. A row is (r,s,ci). Row Taps*InC is the bias, if
// there is one, and reads 1 everywhere. A column is an output channel, and k is a pixel of the
// share's dY.
// Shapes: x [N,InH,InW,InStride], dY [N,OutH,OutW,OutC], part [Shares,Rows,OutC].
// From the reader: Rows4, rows_at, and fetch, which reads four rows of one pixel.
fn fill(rows : Rows4, share : u32, first : u32, i : u32, quad : u32) {
  let p = share * PixelsPerShare + first + i;
  let h = i32(((p / OutW) % OutH) * StrideH);
  let w = i32((p % OutW) * StrideW);
  let pixel = select((i32(p / (OutW * OutH) * InH) + h) * i32(InW) + w, i32(p), Pointwise);
  let v = fetch(rows, h, w, pixel);
  tile_a[i / 4u][i % 4u][quad] = select(vec4<f32>(), v, WholePixels | (p < Pixels));
}

// Pixels beyond the last add nothing, because fill stores zeros for them.
fn columns_at(share : u32, k : u32, c : u32) -> vec4<f32> {
  let p = share * PixelsPerShare + k;
  return dY[select(min(p, Pixels - 1u), p, WholePixels) * OutVecs + c];
}

fn store_row(share : u32, k : u32, c : u32, v : vec4<f32>) {
  part[(share * Rows + k) * OutVecs + c] = v;
}
