// The operands of the forward pass and the input gradient. A row is a pixel p of out, a column is a
// channel, and k is (r,s,channel of in).
// From the loader: Pixel, pixel_at and tap. From the store: bias and store. From the reader: fetch,
// which reads four k of one pixel.
struct Rows4 { p0 : Pixel, p1 : Pixel, p2 : Pixel, p3 : Pixel }

fn rows_at(p : u32) -> Rows4 { return Rows4(pixel_at(p), pixel_at(p + 1u), pixel_at(p + 2u), pixel_at(p + 3u)); }

fn fill(rows : Rows4, share : u32, first : u32, i : u32, quad : u32) {
  let k = first + 4u * i;
  let v0 = fetch(rows.p0, k);
  let v1 = fetch(rows.p1, k);
  let v2 = fetch(rows.p2, k);
  let v3 = fetch(rows.p3, k);
  tile_a[i][0][quad] = vec4<f32>(v0.x, v1.x, v2.x, v3.x);
  tile_a[i][1][quad] = vec4<f32>(v0.y, v1.y, v2.y, v3.y);
  tile_a[i][2][quad] = vec4<f32>(v0.z, v1.z, v2.z, v3.z);
  tile_a[i][3][quad] = vec4<f32>(v0.w, v1.w, v2.w, v3.w);
}

fn columns_at(share : u32, k : u32, c : u32) -> vec4<f32> { return w[clamp_k(k) * OutVecs + c]; }

fn store_row(share : u32, p : u32, c : u32, v : vec4<f32>) {
  store(p, c, v, bias(c));
}
