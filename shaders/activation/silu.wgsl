fn value(x : vec4<f32>) -> vec4<f32> { return x * logistic(x); }

fn slope(x : vec4<f32>) -> vec4<f32> { return logistic(x) * (1.0 + x * logistic(-x)); }
