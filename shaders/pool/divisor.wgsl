// The number of pixels that the mean of window (oh, ow) counts.
fn extent(o : u32, stride : u32, k : u32, before : u32, size : u32, after : u32) -> u32 {
  let start = o * stride; // in the padded image
  if (CountPad) { return min(start + k, before + size + after) - start; }
  return min(start + k, before + size) - max(start, before);
}

fn divisor(oh : u32, ow : u32) -> f32 {
  return f32(extent(oh, StrideH, KH, PadTop, InH, PadBottom) * extent(ow, StrideW, KW, PadLeft, InW, PadRight));
}
