fn value(x : vec4<f32>) -> vec4<f32> { return logistic(x); }

// y * (1 - y), without the cancellation where y is nearly 1.
fn slope(x : vec4<f32>) -> vec4<f32> { return logistic(x) * logistic(-x); }
