// The addresses of the forward pass: y[n,oh,ow,co] = b[co] + sum of
// x[n, oh*stride-pad+r*dilation, ow*stride-pad+s*dilation, ci] * w[r,s,ci,co].
struct Pixel { image : u32, h : i32, w : i32 } // of x, where tap (0,0) reads

fn pixel_at(p : u32) -> Pixel {
  let q = min(p, Pixels - 1u);
  let ow = q % OutW;
  let oh = (q / OutW) % OutH;
  return Pixel(q / (OutW * OutH), i32(oh * StrideH) - i32(PadTop), i32(ow * StrideW) - i32(PadLeft));
}

fn tap(p : Pixel, r : u32, s : u32) -> u32 {
  let h = p.h + i32(r * DilationH);
  let w = p.w + i32(s * DilationW);
  let inside = (h >= 0) & (h < i32(InH)) & (w >= 0) & (w < i32(InW));
  return select(NoTap, ((p.image * InH + u32(h)) * InW + u32(w)) * InStride, inside);
}
