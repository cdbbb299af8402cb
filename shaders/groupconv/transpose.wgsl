// wT[r,s,co,ci] = w[r,s,ci,co], for the input gradient: row (r,s,k) has the weights that join each
// input channel to output channel k of its group. The padding of ci is zero.
// Shapes: w [Rows,OutStride], wT [KH,KW,GroupOut,InVecs]. One invocation: one vec4 of wT. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Taps * GroupOut * InVecs) { return; }
  let ci = (i % InVecs) * 4u;
  let co = (i / InVecs) % GroupOut;
  let t = i / (InVecs * GroupOut);
  wT[i] = vec4<f32>(weight(t, ci, co), weight(t, ci + 1u, co), weight(t, ci + 2u, co), weight(t, ci + 3u, co));
}

fn weight(t : u32, ci : u32, co : u32) -> f32 {
  if (ci >= InC) { return 0.0; }
  return w[(t * GroupIn + ci % GroupIn) * OutStride + ci / GroupIn * GroupOut + co];
}
