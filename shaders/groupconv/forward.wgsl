// The pixels that forward reads: h = oh*stride-pad+r*dilation, and w likewise. The bias, if there
// is one, is the last row of the weights.
fn row(oh : u32, r : u32) -> u32 { return oh * StrideH + r * DilationH - PadTop; } // wraps above the image

fn column(ow : i32, s : u32) -> i32 { return ow * i32(StrideW) + i32(s * DilationW) - i32(PadLeft); }

fn bias(c : u32) -> vec4<f32> {
  if (Bias) { return w[KH * KW * GroupIn * OutVecs + c]; }
  return vec4<f32>();
}
