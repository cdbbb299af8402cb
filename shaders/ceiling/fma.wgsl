// Rounds of 8 multiply-adds of vec4 in registers on each of several independent chains, to measure
// arithmetic. y = the sum of the chains, which sums(v, f, g) computes. There are eight in a row
// because llvmpipe pays for every variable of a loop in each iteration. The factor and the term are
// scalars, which leaves the registers to the chains. One invocation: one vec4 of y. Assigns.
fn two(s : vec4<f32>, f : f32, g : f32) -> vec4<f32> { return (s * f + g) * f + g; }

fn eight(s : vec4<f32>, f : f32, g : f32) -> vec4<f32> {
  return two(two(two(two(s, f, g), f, g), f, g), f, g);
}

fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  let v = x[1u + lane % 4u];
  y[i] = sums(v, x[0].x, v.w);
}
