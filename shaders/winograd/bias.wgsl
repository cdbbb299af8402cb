// Shares of the bias gradient: part[j][c] = sum over the tiles t of share j of e[One][t][c]. Matrix
// One of e holds the values at point 1 in both directions, which are the sums of each tile's dY.
// Shapes: e [Matrices,Tiles,C], part [Shares,C]. One invocation: one channel of a share. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Shares * C) { return; }
  let share = i / C;
  var sum = 0.0;
  for (var t = share * PerShare; t < min((share + 1u) * PerShare, Tiles); t = t + 1u) {
    sum = sum + e[(One * Tiles + t) * C + i % C];
  }
  part[i] = sum;
}
