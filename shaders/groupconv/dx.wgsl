// The pixels that the input gradient reads: the outputs whose tap (r,s) reads the pixel (oh,ow)
// of dX. Here "in" is dY, "out" is dX, and w is transposed to [r,s,co,ci].
fn row(oh : u32, r : u32) -> u32 {
  let h = oh + PadTop - r * DilationH; // wraps to a large number above the image
  return select(InH, h / StrideH, h % StrideH == 0u);
}

fn column(ow : i32, s : u32) -> i32 {
  let w = ow + i32(PadLeft) - i32(s * DilationW);
  return select(NoColumn, w / i32(StrideW), w % i32(StrideW) == 0);
}

fn bias(c : u32) -> vec4<f32> { return vec4<f32>(); }
