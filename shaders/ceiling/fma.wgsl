// What the arithmetic allows: Rounds of 8 multiply-adds of vec4 in registers on each of some
// independent chains, y = the sum of the chains, which sums(m, v) computes. Eight in a row, because
// llvmpipe pays for every variable of a loop each time round. One invocation: one vec4 of y. Assigns.
fn two(s : vec4<f32>, m : vec4<f32>, v : vec4<f32>) -> vec4<f32> { return (s * m + v) * m + v; }

fn eight(s : vec4<f32>, m : vec4<f32>, v : vec4<f32>) -> vec4<f32> {
  return two(two(two(two(s, m, v), m, v), m, v), m, v);
}

fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  y[i] = sums(x[0], x[1u + lane % 4u]);
}
