// Normalises the images of a batch by the mean and the deviation of each channel:
// y = (x - mean) / deviation.
// Shapes: x and y [N,H,W,C], N*H*W*C values; mean and deviation [C]. One invocation: one
// value of y. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i < Elems) { y[i] = (x[i] - mean[i % C]) / deviation[i % C]; }
}
