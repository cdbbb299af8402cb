// What the arithmetic allows: Rounds of 8 independent chains of 8 multiply-adds of
// vec4 in registers, y = the sum of the chains. Eight in a row, because llvmpipe
// pays for every variable of a loop each time round. One invocation: one vec4 of
// y. Assigns.
fn two(s : vec4<f32>, m : vec4<f32>, v : vec4<f32>) -> vec4<f32> { return (s * m + v) * m + v; }

fn eight(s : vec4<f32>, m : vec4<f32>, v : vec4<f32>) -> vec4<f32> {
  return two(two(two(two(s, m, v), m, v), m, v), m, v);
}

fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  let m = x[0];
  let v = x[1u + lane % 4u];
  var a = v;
  var b = v + vec4<f32>(1.0);
  var c = v + vec4<f32>(2.0);
  var d = v + vec4<f32>(3.0);
  var e = v + vec4<f32>(4.0);
  var f = v + vec4<f32>(5.0);
  var g = v + vec4<f32>(6.0);
  var h = v + vec4<f32>(7.0);
  for (var k = 0u; k < Rounds; k = k + 1u) {
    a = eight(a, m, v);
    b = eight(b, m, v);
    c = eight(c, m, v);
    d = eight(d, m, v);
    e = eight(e, m, v);
    f = eight(f, m, v);
    g = eight(g, m, v);
    h = eight(h, m, v);
  }
  y[i] = ((a + b) + (c + d)) + ((e + f) + (g + h));
}
