// Moves each image of a batch at random by up to Pad pixels each way, which is a random crop of
// the image with Pad zeros at each side. With Mirror, it also swaps left and right in half of the
// images, chosen at random.
// Shapes: x and y [N,H,W,C]. One invocation: one value of y. Assigns.
fn draw(n : u32, i : u32) -> u32 {
  return random(batch.seed, batch.step, 0u, batch.row0 + n, i);
}

fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= N * H * W * C) { return; }
  let n = i / (H * W * C);
  var w = (i / C) % W;
  if (Mirror && draw(n, 2u) % 2u == 1u) { w = W - 1u - w; }
  // Above or left of the image these wrap to large numbers.
  let r = (i / (C * W)) % H + draw(n, 0u) % (2u * Pad + 1u) - Pad;
  let s = w + draw(n, 1u) % (2u * Pad + 1u) - Pad;
  var value = 0.0;
  if (r < H && s < W) { value = x[((n * H + r) * W + s) * C + i % C]; }
  y[i] = value;
}
