// The operands of broadcast.wgsl for a convolution without padding: forward, or the input gradient
// of a 1x1 kernel. A row is a pixel, and k is (r,s,channel of in). With several blocks of k, the
// kernel is 1x1.
// From the store: bias and store. From the step: Step, and four, which calls offset.
fn address_at(share : u32, p : u32, start : u32) -> u32 {
  let q = same24(p);
  let line = q / (OutW * OutH) * InH + q / OutW % OutH * StrideH;
  return (line * InW + q % OutW * StrideW) * InStride + same12(start / Step);
}

fn offset(k : u32) -> u32 {
  return (k / (InC * KW) * DilationH * InW + k / InC % KW * DilationW) * InStride + k % InC / Step;
}

fn columns_at(share : u32, k : u32, c : u32) -> vec4<f32> { return w[k * OutVecs + c]; }

fn initial(c : u32) -> vec4<f32> { return bias(c); }

fn sum_at(share : u32, p : u32, c : u32) -> vec4<f32> { return out[p * OutVecs + c]; }

fn store_row(share : u32, p : u32, c : u32, v : vec4<f32>, last : bool) {
  if (last) {
    store(p, c, v, vec4<f32>());
  } else {
    out[p * OutVecs + c] = v;
  }
}
