// The operands of conv2d/tile.wgsl, whose shares are the matrices here.
alias Rows4 = u32; // a quad of rows

fn rows_at(row : u32) -> Rows4 { return min(row / 4u, Rows / 4u - 1u); }

fn fill(rows : Rows4, share : u32, first : u32, i : u32, quad : u32) {
  let k = first + 4u * i;
  let v = quad_at(first_quad(share, rows) + clamp_k(k) / 4u * advance(), 0u);
  let inside = Whole | (k < K);
  tile_a[i][0][quad] = select(vec4<f32>(), vec4<f32>(v.r0.x, v.r1.x, v.r2.x, v.r3.x), inside);
  tile_a[i][1][quad] = select(vec4<f32>(), vec4<f32>(v.r0.y, v.r1.y, v.r2.y, v.r3.y), inside);
  tile_a[i][2][quad] = select(vec4<f32>(), vec4<f32>(v.r0.z, v.r1.z, v.r2.z, v.r3.z), inside);
  tile_a[i][3][quad] = select(vec4<f32>(), vec4<f32>(v.r0.w, v.r1.w, v.r2.w, v.r3.w), inside);
}

fn columns_at(share : u32, k : u32, c : u32) -> vec4<f32> { return b[(share * Terms + clamp_k(k)) * Columns + c]; }

fn store_row(share : u32, row : u32, c : u32, v : vec4<f32>) {
  out[(share * Rows + row) * Columns + c] = v;
}
