// A workgroup computes Each tiles, one after the other. The last workgroup may compute its last
// tile again.
fn run(group : u32, lane : u32) {
  for (var i = 0u; i < Each; i = i + 1u) { run_tile(min(group * Each + i, Tiles - 1u), lane); }
}

