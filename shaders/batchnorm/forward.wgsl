// y = (x - mean) * inv * gamma + beta, zero in the padding of channels, where gamma and beta are.
// Shapes: x and y [N*P,Stride]; moments [2,Stride], mean and inv; w [2,Stride], gamma and beta.
// One invocation: four channels of a pixel. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Elems) { return; }
  let c = i % C4;
  y[i] = (x[i] - moments[c]) * moments[C4 + c] * w[c] + w[C4 + c];
}
