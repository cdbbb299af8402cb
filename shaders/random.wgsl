// Random numbers that depend on nothing but their arguments, so that a run can
// be repeated, resumed and split into parts. PCG hash: Jarzynski and Olano,
// "Hash Functions for GPU Rendering", 2020.
fn hash(v : u32) -> u32 {
  let s = v * 747796405u + 2891336453u;
  let w = ((s >> ((s >> 28u) + 4u)) ^ s) * 277803737u;
  return (w >> 22u) ^ w;
}

fn random(seed : u32, step : u32, stream : u32, row : u32, i : u32) -> u32 {
  return hash(hash(hash(hash(hash(seed) + step) + stream) + row) + i);
}
