// For llvmpipe, with a stored as [Matrices,Rows,Terms]: the address of a row's terms from start on,
// and four of these terms.
fn address_at(share : u32, row : u32, start : u32) -> u32 { return same24((share * Rows + row) * (Terms / 4u) + start / 4u); }

fn four(at : u32, k : u32) -> vec4<f32> { return a[at + k / 4u]; }
