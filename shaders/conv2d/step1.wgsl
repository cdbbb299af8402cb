// Reads one input channel at a time, for any number of channels.
const Step = 1u;
alias Weights = vec4<f32>;

fn weights(i : u32) -> Weights { return w[i]; }

fn load(address : u32, k : u32) -> f32 {
  if (!Padded) { return in_[address + k]; }
  return select(in_[select(address, 0u, address == NoTap) + k], 0.0, address == NoTap);
}

fn mac(sum : vec4<f32>, x : f32, v : Weights) -> vec4<f32> { return sum + v * x; }
