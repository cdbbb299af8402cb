// Transforms the tiles of images: out[k][l][t][c] = sum over i and j of L[k][i] L[l][j]
// x[n, Step*th - PadTop + i, Step*tw - PadLeft + j, c], where t is tile (th,tw) of image n. x is 0
// outside the image, and in tiles after the last. Step is M. L is B^T for the input of a
// convolution, and A for the gradient of its outputs.
// Shapes: x [N,InH,InW,C], out [Alpha,Alpha,Tiles,C]. One invocation: one channel of a tile.
// Assigns.
// From the generated text: transform.
struct At { tile : u32, c : u32, base : u32, h : i32, w : i32, inside : bool }

fn load(at : At, i : i32, j : i32) -> f32 {
  let h = at.h + i;
  let w = at.w + j;
  let inside = at.inside & (u32(h) < InH) & (u32(w) < InW);
  let v = x[select(0u, at.base + (u32(h) * InW + u32(w)) * C, inside)];
  return select(0.0, v, inside);
}

fn store(at : At, k : u32, l : u32, v : f32) {
  out[((k * Alpha + l) * Tiles + at.tile) * C + at.c] = v;
}

fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Tiles * C) { return; }
  let c = i % C;
  let tile = i / C;
  let n = tile / (Down * Across);
  let h = i32((tile / Across) % Down * Step) - PadTop;
  let w = i32(tile % Across * Step) - PadLeft;
  transform(At(tile, c, n * (InH * InW * C) + c, h, w, n < N));
}
