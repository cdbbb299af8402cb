// sum = ((part 0 + part 1) + (part 2 + part 3)) + ..., along a binary tree. waiting[n] holds
// the sum of 2^n parts until the sum of the next 2^n parts is complete.
// Shapes: part [Parts,Count] and sum [Count], in vec4. One invocation: one vec4. Assigns.
fn run(group : u32, lane : u32) {
  let j = group * 64u + lane;
  if (j >= Count) { return; }
  var waiting : array<vec4<f32>, Slots>;
  for (var i = 0u; i < Parts; i = i + 1u) {
    var v = part[i * Count + j];
    var n = 0u;
    for (; ((i >> n) & 1u) == 1u; n = n + 1u) {
      v = waiting[n] + v;
    }
    waiting[n] = v;
  }
  sum[j] = waiting[Slots - 1u];
}
