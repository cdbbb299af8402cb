// Computes the statistics of sets of values from those of their parts (see stats.wgsl). All sets,
// and all parts, have equally many values.
// Shapes: set s has parts at src + s + k*sets, k < parts, and its own entry at to + s.
// One invocation: one set, its parts in order. Assigns.
fn run(group : u32, lane : u32) {
  let s = group * 64u + lane;
  if (s >= p.sets) { return; }
  var all = entry[p.src + s];
  for (var k = 1u; k < p.parts; k = k + 1u) {
    let part = entry[p.src + s + k * p.sets];
    all = vec4<f32>(min(all.x, part.x), max(all.y, part.y), all.zw + part.zw);
  }
  entry[p.to + s] = vec4<f32>(all.xy, all.zw / f32(p.parts));
}
