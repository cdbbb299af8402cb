// What the arithmetic allows: Rounds of 8 independent multiply-adds of vec4 in
// registers, y = the sum of the eight. One invocation: one vec4 of y. Assigns.
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
    a = a * m + v;
    b = b * m + v;
    c = c * m + v;
    d = d * m + v;
    e = e * m + v;
    f = f * m + v;
    g = g * m + v;
    h = h * m + v;
  }
  y[i] = ((a + b) + (c + d)) + ((e + f) + (g + h));
}
