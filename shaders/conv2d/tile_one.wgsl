// A workgroup computes one tile.
fn run(group : u32, lane : u32) { run_tile(group, lane); }

