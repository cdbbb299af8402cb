// Weight and bias gradient: dW[r][s][ci][co] = sum over i and j of G[i][r] G[j][s] q[i][j][ci][co].
// If Biased is true, the last row of dW is the sum of the bias's shares. Adds to dW, or assigns it
// if First is true and batch.first is 1.
// Shapes: q [Alpha,Alpha,Terms,C], part [Shares,C], dW [R*R*Rows,C], and one more row if Biased.
// One invocation: one channel of all taps, or of the bias. Accumulates.
// From the generated text: transform.
struct At { row : u32, c : u32 }

fn load(at : At, i : i32, j : i32) -> f32 {
  return q[((u32(i) * Alpha + u32(j)) * Terms + at.row) * C + at.c];
}

fn add(i : u32, v : f32) {
  dW[i] = select(dW[i], 0.0, First & (batch.first == 1u)) + v;
}

fn store(at : At, r : u32, s : u32, v : f32) { add(((r * R + s) * Rows + at.row) * C + at.c, v); }

fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  let c = i % C;
  let row = i / C;
  if (row < Rows) {
    transform(At(row, c));
  } else if (Biased && row == Rows) {
    var sum = 0.0;
    for (var j = 0u; j < Shares; j = j + 1u) {
      sum = sum + part[j * C + c];
    }
    add(R * R * Rows * C + c, sum);
  }
}
