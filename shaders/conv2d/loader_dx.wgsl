// The addresses of the input gradient: dX[n,h,w,ci] = sum of dY[n,oh,ow,co] * w[r,s,ci,co] over the
// outputs that read the pixel: oh*stride-pad+r*dilation = h and ow*stride-pad+s*dilation = w.
// Here "in" is dY, "out" is dX, "k" is co, and w is transposed to [r,s,co,ci].
struct Pixel { image : u32, h : u32, w : u32 } // of dX, in the padded image

fn pixel_at(p : u32) -> Pixel {
  let q = min(p, Pixels - 1u);
  return Pixel(q / (OutW * OutH), (q / OutW) % OutH + PadTop, q % OutW + PadLeft);
}

fn tap(p : Pixel, r : u32, s : u32) -> u32 {
  let h = p.h - r * DilationH; // wraps to a large number above the image
  let w = p.w - s * DilationW;
  let oh = h / StrideH;
  let ow = w / StrideW;
  let inside = (oh < InH) & (ow < InW) & (oh * StrideH == h) & (ow * StrideW == w);
  return select(NoTap, ((p.image * InH + oh) * InW + ow) * InStride, inside);
}
