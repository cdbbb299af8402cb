// Four rows of the weight gradient, which belong to one tap and are adjacent in memory, or the bias
// as the first of four.
struct Rows4 { h : i32, w : i32, offset : i32, one : bool } // what the rows add to a pixel

fn rows_at(k : u32) -> Rows4 {
  let w = i32((k / InC) % KW * DilationW) - i32(PadLeft);
  let h = i32(k / (InC * KW) * DilationH) - i32(PadTop);
  return Rows4(h, w, (h * i32(InW) + w) * i32(InStride) + i32(k % InC / 4u), k >= Taps * InC);
}

fn fetch(t : Rows4, h : i32, w : i32, pixel : i32) -> vec4<f32> {
  let inside = (!Padded | ((u32(h + t.h) < InH) & (u32(w + t.w) < InW))) & !t.one;
  let v = x[select(0, pixel * i32(InStride) + t.offset, inside)];
  return select(select(vec4<f32>(), v, inside), vec4<f32>(1.0, 0.0, 0.0, 0.0), t.one);
}
