// Computes the outputs of the tiles: y[n, M*th + k, M*tw + l, c] = finish(sum over i and j of
// A^T[k][i] A^T[l][j] m[i][j][t][c]), where t is tile (th,tw) of image n. Skips outputs outside the
// image.
// Shapes: m [Alpha,Alpha,Tiles,C], y [N,OutH,OutW,C]. One invocation: one channel of a tile.
// Assigns.
// From the generated text: transform. From the finish: constant and finish.
struct At { tile : u32, c : u32, base : u32, h : u32, w : u32, constant : f32 }

fn load(at : At, i : i32, j : i32) -> f32 {
  return m[((u32(i) * Alpha + u32(j)) * Tiles + at.tile) * C + at.c];
}

fn store(at : At, k : u32, l : u32, v : f32) {
  let h = at.h + k;
  let w = at.w + l;
  if (h < OutH && w < OutW) {
    let address = at.base + (h * OutW + w) * C;
    y[address] = finish(address, v, at.constant);
  }
}

fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= N * Down * Across * C) { return; }
  let c = i % C;
  let tile = i / C;
  let n = tile / (Down * Across);
  transform(At(tile, c, n * (OutH * OutW * C) + c, (tile / Across) % Down * M, tile % Across * M, constant(c)));
}
