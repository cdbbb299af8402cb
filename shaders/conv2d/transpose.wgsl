// Transposes the weights for the input gradient: wT[r,s,co,ci] = w[r,s,ci,co]. The padding of ci
// is zero. One invocation: one vec4 of wT. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Taps * OutC * InVecs) { return; }
  let ci = (i % InVecs) * 4u;
  let co = (i / InVecs) % OutC;
  let t = i / (InVecs * OutC);
  var v = vec4<f32>();
  for (var k = 0u; k < 4u; k = k + 1u) {
    if (ci + k < InC) { v[k] = w[(t * InC + ci + k) * OutStride + co]; }
  }
  wT[i] = v;
}
