// The target is weight[c] * (Each for all classes, and Rest more for the label).
fn share(c : u32, label : u32) -> f32 { return weight[c] * (Each + select(0.0, Rest, c == label)); }

fn mass(label : u32) -> f32 {
  var sum = 0.0;
  for (var c = 0u; c < Classes; c = c + 1u) {
    sum = sum + share(c, label);
  }
  return sum;
}

// loss is that of the logits from x[at] on, the sum of -log(softmax(x)) * share.
fn loss(at : u32, label : u32, largest : f32, logSum : f32) -> f32 {
  var sum = 0.0;
  for (var c = 0u; c < Classes; c = c + 1u) {
    sum = sum + share(c, label) * (logSum + (largest - x[at + c]));
  }
  return sum;
}

