// Softmax cross-entropy of one batch: the loss and whether the first largest
// logit is the label, for each row, and the gradient of the batch's mean loss,
//   dX = (mass(label) * softmax(x) - share(c, label)) * invImages,
// where share is the target of class c, and mass the sum of it over the classes.
// Rows from batch.rows on are masked: all zero.
// Shapes: x and dX [N,Stride], of which the first Classes of a row count;
// label [N]; row [N] holds (loss, correct). One invocation: one row. Assigns.
fn run(group : u32, lane : u32) {
  let n = group * 64u + lane;
  if (n >= N) { return; }
  let at = n * Stride;
  var largest = x[at];
  var best = 0u;
  for (var c = 1u; c < Classes; c = c + 1u) {
    let v = x[at + c];
    best = select(best, c, v > largest);
    largest = max(largest, v);
  }
  var sum = 0.0;
  for (var c = 0u; c < Classes; c = c + 1u) {
    sum = sum + exp(x[at + c] - largest);
  }
  let real = n < batch.rows;
  let scale = select(0.0, batch.invImages, real);
  let total = mass(label[n]);
  for (var c = 0u; c < Stride; c = c + 1u) {
    var g = 0.0;
    if (c < Classes) {
      g = (total * (exp(x[at + c] - largest) / sum) - share(c, label[n])) * scale;
    }
    dX[at + c] = g;
  }
  let result = vec2<f32>(loss(at, label[n], largest, log(sum)), select(0.0, 1.0, best == label[n]));
  row[n] = select(vec2<f32>(), result, real);
}
