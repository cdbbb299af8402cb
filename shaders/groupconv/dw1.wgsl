// Each output channel has an input channel of its own.
alias Sums = vec4<f32>;

fn mac(sum : Sums, x : vec4<f32>, d : vec4<f32>) -> Sums { return sum + d * x; }

fn store(row : u32, c : u32, v : Sums) { part[row * OutVecs + c] = v; }
