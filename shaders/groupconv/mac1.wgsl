// Each output channel has an input channel of its own.
alias Weights = vec4<f32>;

fn weights(i : u32) -> Weights { return w[i]; }

fn mac(sum : vec4<f32>, x : vec4<f32>, v : Weights) -> vec4<f32> { return sum + v * x; }
