// Weight and bias gradient, in shares: part[j][k][co] = sum over the pixels p of share j of
// x[value that row k reads for p] * dY[p][co]. Row k is (r,s,ci). Row Taps*InC is the bias, if
// there is one, and reads 1 everywhere.
// Shapes: x [N,InH,InW,InStride], dY [N,OutH,OutW,OutC], part [Shares,Rows,OutC].
// One invocation: 8 rows x 12 channels of a share, in registers. Assigns.
// From row.wgsl: Row and mac.

// Tap describes row k: what it adds to the position and the address of a pixel.
struct Tap { h : i32, w : i32, offset : i32, one : bool }

fn tap_at(k : u32) -> Tap {
  let ci = k - k / InC * InC; // FXC computes k % 16 wrongly for k = 8 * x + 7 if it knows that x is at most 2.
  let s = i32((k / InC) % KW * DilationW) - i32(PadLeft);
  let r = i32(k / (InC * KW) * DilationH) - i32(PadTop);
  return Tap(r, s, (r * i32(InW) + s) * i32(InStride) + i32(ci), k >= Taps * InC);
}

fn load(t : Tap, h : i32, w : i32, address : i32) -> f32 {
  let inside = (u32(h + t.h) < InH) & (u32(w + t.w) < InW);
  let v = x[select(0, address + t.offset, inside & !t.one)];
  return select(select(0.0, v, inside), 1.0, t.one);
}

fn run(group : u32, lane : u32) {
  let i = group * Lanes + lane;
  let k = (i % RowBlocks) * 8u;
  let c = ((i / RowBlocks) % OutBlocks) * 3u;
  let share = i / (RowBlocks * OutBlocks);
  if (share >= Shares) { return; }
  let c1 = min(c + 1u, OutVecs - 1u);
  let c2 = min(c + 2u, OutVecs - 1u);
  let t0 = tap_at(k);
  let t1 = tap_at(k + 1u);
  let t2 = tap_at(k + 2u);
  let t3 = tap_at(k + 3u);
  let t4 = tap_at(k + 4u);
  let t5 = tap_at(k + 5u);
  let t6 = tap_at(k + 6u);
  let t7 = tap_at(k + 7u);
  var s0 = Row();
  var s1 = Row();
  var s2 = Row();
  var s3 = Row();
  var s4 = Row();
  var s5 = Row();
  var s6 = Row();
  var s7 = Row();
  for (var p = share * PixelsPerShare; p < min((share + 1u) * PixelsPerShare, Pixels); p = p + 1u) {
    let h = i32(((p / OutW) % OutH) * StrideH);
    let w = i32((p % OutW) * StrideW);
    let address = ((i32(p / (OutW * OutH)) * i32(InH) + h) * i32(InW) + w) * i32(InStride);
    let at = p * OutVecs;
    let row = Row(dY[at + c], dY[at + c1], dY[at + c2]);
    s0 = mac(s0, load(t0, h, w, address), row);
    s1 = mac(s1, load(t1, h, w, address), row);
    s2 = mac(s2, load(t2, h, w, address), row);
    s3 = mac(s3, load(t3, h, w, address), row);
    s4 = mac(s4, load(t4, h, w, address), row);
    s5 = mac(s5, load(t5, h, w, address), row);
    s6 = mac(s6, load(t6, h, w, address), row);
    s7 = mac(s7, load(t7, h, w, address), row);
  }
  let rows = share * Rows;
  store3(rows, k, c, s0);
  store3(rows, k + 1u, c, s1);
  store3(rows, k + 2u, c, s2);
  store3(rows, k + 3u, c, s3);
  store3(rows, k + 4u, c, s4);
  store3(rows, k + 5u, c, s5);
  store3(rows, k + 6u, c, s6);
  store3(rows, k + 7u, c, s7);
}

fn store3(rows : u32, k : u32, c : u32, row : Row) {
  if (k >= Rows) { return; }
  let at = (rows + k) * OutVecs + c;
  if (c < OutVecs) { part[at] = row.a; }
  if (c + 1u < OutVecs) { part[at + 1u] = row.b; }
  if (c + 2u < OutVecs) { part[at + 2u] = row.c; }
}
