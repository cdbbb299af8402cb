// Transforms the filters: u[k][l][ci][co] = sum over r and s of G[k][r] G[l][s] w[r][s][ci][co]. If
// Flip is 1, w[R-1-r][R-1-s] takes the place of w[r][s]. Rows of u after those of w are 0.
// Shapes: w [R,R,Rows,C], u [Alpha,Alpha,Terms,C]. One invocation: one channel of a row. Assigns.
// From the generated text: transform.
struct At { row : u32, c : u32, inside : bool }

fn load(at : At, i : i32, j : i32) -> f32 {
  let tap = u32(i) * R + u32(j);
  let v = w[(select(tap, R * R - 1u - tap, Flip == 1u) * Rows + min(at.row, Rows - 1u)) * C + at.c];
  return select(0.0, v, at.inside);
}

fn store(at : At, k : u32, l : u32, v : f32) {
  u[((k * Alpha + l) * Terms + at.row) * C + at.c] = v;
}

fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i < Terms * C) { transform(At(i / C, i % C, i / C < Rows)); }
}
