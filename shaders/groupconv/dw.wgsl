// Weight and bias gradient, one share of it: part[r,s,k][c] = the sum over the pixels of the lines
// of share j of x[pixel that tap (r,s) reads, channel k of c's group] * dY[pixel][c]; the last row,
// the bias if there is one, reads 1 everywhere.
// Shapes: x [N,InH,InW,InStride], dY [N,OutH,OutW,OutC], part [Shares,Rows,OutC].
// One invocation: 4 output channels, Terms input channels and 4 taps, TapStep columns apart, in
// registers. The taps share pixels: from one pixel to the next, three of four stay.
// Assigns.
// From the reader: Place, place and load; from the product: Sums, mac and store.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  let c = i % OutVecs;
  let k = (i / OutVecs) % Turns;
  let block = (i / (OutVecs * Turns)) % AllBlocks;
  let share = i / (OutVecs * Turns * AllBlocks);
  if (share >= Shares) { return; }
  let end = min((share + 1u) * LinesPerShare, Lines);
  if (block == TapBlocks) {
    if (k == 0u) { bias(share, end, c); }
    return;
  }
  let r = block / RowBlocks;
  let s = block % RowBlocks % Phases + block % RowBlocks / Phases * 4u * TapStep;
  let channel = place(c);
  var s0 = Sums();
  var s1 = Sums();
  var s2 = Sums();
  var s3 = Sums();
  for (var line = share * LinesPerShare; line < end; line = line + 1u) {
    let h = line % OutH * StrideH + r * DilationH - PadTop; // wraps above the image
    if (h >= InH) { continue; }
    let at = i32((line / OutH * InH + h) * InW);
    for (var first = 0u; first < min(Spread, OutW); first = first + 1u) {
      let start = i32(first * StrideW + s * DilationW) - i32(PadLeft);
      var x0 = load(at, start, channel, k);
      var x1 = load(at, start + Step, channel, k);
      var x2 = load(at, start + 2 * Step, channel, k);
      var next = start + 3 * Step;
      for (var ow = first; ow < OutW; ow = ow + Spread) {
        let x3 = load(at, next, channel, k);
        next = next + Step;
        let d = dY[(line * OutW + ow) * OutVecs + c];
        s0 = mac(s0, x0, d);
        s1 = mac(s1, x1, d);
        s2 = mac(s2, x2, d);
        s3 = mac(s3, x3, d);
        x0 = x1;
        x1 = x2;
        x2 = x3;
      }
    }
  }
  let tap = r * KW + s;
  let at = share * Rows + k * Terms;
  if (s < KW) { store(at + tap * GroupIn, c, s0); }
  if (s + TapStep < KW) { store(at + (tap + TapStep) * GroupIn, c, s1); }
  if (s + 2u * TapStep < KW) { store(at + (tap + 2u * TapStep) * GroupIn, c, s2); }
  if (s + 3u * TapStep < KW) { store(at + (tap + 3u * TapStep) * GroupIn, c, s3); }
}

fn bias(share : u32, end : u32, c : u32) {
  var sum = vec4<f32>();
  for (var p = share * LinesPerShare * OutW; p < end * OutW; p = p + 1u) { sum = sum + dY[p * OutVecs + c]; }
  part[(share * Rows + Rows - 1u) * OutVecs + c] = sum;
}
