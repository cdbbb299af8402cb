// Gathers a batch from images that stay on the device as 8-bit pixels, resizes
// it as Pillow's Image.resize(size, BILINEAR) does, to the bit, and scales to
// [0,1]. Pillow resizes rows first, rounds to 8 bits, then resizes columns and
// rounds again; with weights in fixed point (taps).
// Shapes: pixels [Count,C,InH,InW], four bytes in a word; labels [Count], two of
// 16 bits in a word; order [images of the epoch] holds image numbers, of which First to
// First+Count are in this buffer; x [N,OutH,OutW,C]; target [N].
// One invocation: one value of x. Assigns the rows whose image is here; rows
// from batch.rows on become zero.
fn pixel(i : u32) -> i32 {
  return i32((pixels[i / 4u] >> (8u * (i % 4u))) & 255u);
}

// The fixed-point sum of a row or column, rounded to 8 bits.
fn to8(sum : i32) -> i32 {
  return clamp((sum + Half) >> Bits, 0, 255);
}

fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= N * OutH * OutW * C) { return; }
  let c = i % C;
  let ow = (i / C) % OutW;
  let oh = (i / (C * OutW)) % OutH;
  let n = i / (C * OutW * OutH);
  let first = i % (C * OutW * OutH) == 0u;
  if (n >= batch.rows) {
    if (First == 0u) {
      x[i] = 0.0;
      if (first) { target_[n] = 0u; }
    }
    return;
  }
  let image = order[batch.offset + n] - First; // wraps to a large number below First
  if (image >= Count) { return; }
  let plane = (image * C + c) * InH;
  let down = Columns + oh * TapsH;
  let across = ow * TapsW;
  var column = 0;
  for (var r = 0u; r < u32(taps[down + 1u]); r = r + 1u) {
    let line = (plane + u32(taps[down]) + r) * InW + u32(taps[across]);
    var row = 0;
    for (var s = 0u; s < u32(taps[across + 1u]); s = s + 1u) {
      row = row + pixel(line + s) * taps[across + 2u + s];
    }
    column = column + to8(row) * taps[down + 2u + r];
  }
  x[i] = f32(to8(column)) / 255.0;
  if (first) { target_[n] = (labels[image / 2u] >> (16u * (image % 2u))) & 65535u; }
}
