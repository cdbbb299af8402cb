// For llvmpipe, with a stored as [Matrices,Terms,Rows]: the address of a row's terms from start on,
// and four of these terms.
fn address_at(share : u32, row : u32, start : u32) -> u32 {
  return same24((share * Terms + start) * (Rows / 4u) + row / 4u) * 4u + same12(row % 4u);
}

fn four(at : u32, k : u32) -> vec4<f32> {
  let i = at / 4u + k * (Rows / 4u);
  let j = at % 4u;
  return vec4<f32>(a[i][j], a[i + Rows / 4u][j], a[i + Rows / 2u][j], a[i + 3u * (Rows / 4u)][j]);
}
