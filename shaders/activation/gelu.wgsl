// The density and the integral of the normal distribution up to x. Its upper tail is
// exp(-a^2/2) t poly(t) with a = |x| and t = 1/(1 + 0.35 a), as in formula 7.1.26 of Abramowitz
// and Stegun, "Handbook of Mathematical Functions", with more terms. The polynomial is from
// testdata/fit.py: its relative error is 3.2e-8, and with that of the exponential in float32
// 3.7e-6 at a = 12. Beyond 16 the exponential is 0; the limit keeps a^2 finite.
struct Normal { density : vec4<f32>, integral : vec4<f32> }

fn normal(x : vec4<f32>) -> Normal {
  let a = min(abs(x), vec4<f32>(16.0));
  let t = 1.0 / (1.0 + 0.35 * a);
  var p = vec4<f32>(-0.0289852824062109);
  p = p * t + 0.1431739628314972;
  p = p * t - 0.25402864813804626;
  p = p * t + 0.15720009803771973;
  p = p * t - 0.021712522953748703;
  p = p * t + 0.10489781200885773;
  p = p * t + 0.11999287456274033;
  p = p * t + 0.13983890414237976;
  p = p * t + 0.1396227777004242;
  let e = exp(-0.5 * (a * a));
  let tail = e * (t * p);
  return Normal(e * 0.3989422804014327, select(1.0 - tail, tail, x < vec4<f32>()));
}

fn value(x : vec4<f32>) -> vec4<f32> { return x * normal(x).integral; }

fn slope(x : vec4<f32>) -> vec4<f32> {
  let n = normal(x);
  return n.integral + x * n.density;
}
