// Grouped convolution, forward or input gradient: out[n,oh,ow,c] = bias[c] + the sum over the taps
// (r,s) and the channels k of c's group of in[n,h,w,k] * w[r,s,k,c], where (h,w) is what the tap
// reads for (oh,ow).
// Shapes: in [N,InH,InW,InStride], w [KH,KW,GroupIn,OutC], out [N,OutH,OutW,OutC].
// One invocation: 4 channels of 8 pixels of a line, OutStep columns apart, in registers. Taps
// that are TapStep apart share pixels: from one tap to the next, seven of eight stay in registers.
// Assigns.
// From the direction: row and column, which a tap reads, bias and finish; from the reader: Place,
// place and load; from the product: Weights, weights and mac.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  let c = i % OutVecs;
  let block = (i / OutVecs) % Blocks;
  let line = i / (OutVecs * Blocks);
  // Lanes beyond the last line are idle. busy also hides bounds from compilers, because FXC tries
  // for seconds to unroll long loops with known bounds. Short loops are faster with known bounds.
  let busy = u32(line < Lines);
  let turns = select(Turns * busy, 1u, Turns == 1u);
  let first = first_column(block);
  let channel = place(c);
  var s0 = vec4<f32>();
  var s1 = vec4<f32>();
  var s2 = vec4<f32>();
  var s3 = vec4<f32>();
  var s4 = vec4<f32>();
  var s5 = vec4<f32>();
  var s6 = vec4<f32>();
  var s7 = vec4<f32>();
  for (var r = 0u; r < KH * busy; r = r + 1u) {
    let h = row(line % OutH, r);
    if (h >= InH) { continue; }
    let at = i32((line / OutH * InH + h) * InW);
    for (var phase = 0u; phase < Phases; phase = phase + 1u) {
      let start = column(first, phase);
      if (start == NoColumn) { continue; }
      for (var k = 0u; k < turns; k = k + 1u) {
        var x0 = load(at, start, channel, k);
        var x1 = load(at, start + Step, channel, k);
        var x2 = load(at, start + 2 * Step, channel, k);
        var x3 = load(at, start + 3 * Step, channel, k);
        var x4 = load(at, start + 4 * Step, channel, k);
        var x5 = load(at, start + 5 * Step, channel, k);
        var x6 = load(at, start + 6 * Step, channel, k);
        var next = start + 7 * Step;
        for (var s = phase; s < KW; s = s + TapStep) {
          let x7 = load(at, next, channel, k);
          next = next + Step;
          let v = weights(((r * KW + s) * GroupIn + k * Terms) * OutVecs + c);
          s0 = mac(s0, x0, v);
          s1 = mac(s1, x1, v);
          s2 = mac(s2, x2, v);
          s3 = mac(s3, x3, v);
          s4 = mac(s4, x4, v);
          s5 = mac(s5, x5, v);
          s6 = mac(s6, x6, v);
          s7 = mac(s7, x7, v);
          x0 = x1;
          x1 = x2;
          x2 = x3;
          x3 = x4;
          x4 = x5;
          x5 = x6;
          x6 = x7;
        }
      }
    }
  }
  if (line >= Lines) { return; }
  let b = bias(c);
  store(line, first, c, s0 + b);
  store(line, first + OutStep, c, s1 + b);
  store(line, first + 2 * OutStep, c, s2 + b);
  store(line, first + 3 * OutStep, c, s3 + b);
  store(line, first + 4 * OutStep, c, s4 + b);
  store(line, first + 5 * OutStep, c, s5 + b);
  store(line, first + 6 * OutStep, c, s6 + b);
  store(line, first + 7 * OutStep, c, s7 + b);
}

// first_column is the column of s0. Blocks lie 8 * Spread columns apart, Spread of them mixed.
fn first_column(block : u32) -> i32 {
  let column = i32(block / Spread * 8u * Spread + block % Spread);
  return select(column, column - 7 * OutStep, OutStep < 0);
}

fn store(line : u32, ow : i32, c : u32, v : vec4<f32>) {
  if (u32(ow) < OutW) { out[(line * OutW + u32(ow)) * OutVecs + c] = v; }
}
