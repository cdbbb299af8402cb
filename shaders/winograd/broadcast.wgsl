// The operands of conv2d/broadcast.wgsl, whose shares are the matrices here.
fn columns_at(share : u32, k : u32, c : u32) -> vec4<f32> { return b[(share * Terms + k) * OutVecs + c]; }

fn initial(c : u32) -> vec4<f32> { return vec4<f32>(); }

fn sum_at(share : u32, row : u32, c : u32) -> vec4<f32> { return out[(share * Rows + row) * OutVecs + c]; }

fn store_row(share : u32, row : u32, c : u32, v : vec4<f32>, last : bool) { out[(share * Rows + row) * OutVecs + c] = v; }
