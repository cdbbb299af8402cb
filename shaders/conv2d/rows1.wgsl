// Four rows of the weight gradient, which may belong to different taps.
struct Tap { h : i32, w : i32, offset : i32, one : bool } // what a row adds to a pixel
struct Rows4 { k0 : Tap, k1 : Tap, k2 : Tap, k3 : Tap }

fn row_at(k : u32) -> Tap {
  let w = i32((k / InC) % KW * DilationW) - i32(PadLeft);
  let h = i32(k / (InC * KW) * DilationH) - i32(PadTop);
  return Tap(h, w, (h * i32(InW) + w) * i32(InStride) + i32(k % InC), k >= Taps * InC);
}

fn rows_at(k : u32) -> Rows4 { return Rows4(row_at(k), row_at(k + 1u), row_at(k + 2u), row_at(k + 3u)); }

fn fetch_one(t : Tap, h : i32, w : i32, pixel : i32) -> f32 {
  let inside = (!Padded | ((u32(h + t.h) < InH) & (u32(w + t.w) < InW))) & !t.one;
  let v = x[select(0, pixel * i32(InStride) + t.offset, inside)];
  return select(select(0.0, v, inside), 1.0, t.one);
}

fn fetch(t : Rows4, h : i32, w : i32, pixel : i32) -> vec4<f32> {
  return vec4<f32>(fetch_one(t.k0, h, w, pixel), fetch_one(t.k1, h, w, pixel), fetch_one(t.k2, h, w, pixel), fetch_one(t.k3, h, w, pixel));
}
