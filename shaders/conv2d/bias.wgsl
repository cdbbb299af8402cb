// The bias is the last row of w.
fn bias(c : u32) -> vec4<f32> { return w[KH * KW * InC * OutVecs + c]; }
