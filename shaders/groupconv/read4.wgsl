// Four input channels of a pixel: those of the four output channels c, or the k-th four of their
// group, which is the same for all.
alias Place = u32;

fn place(c : u32) -> Place { return min(c * 4u, OutC - 1u) / GroupOut * GroupIn / 4u; }

fn load(line : i32, w : i32, channel : Place, k : u32) -> vec4<f32> {
  let inside = u32(w) < InW;
  return select(vec4<f32>(), in_[select(0u, u32(line + w) * InStride + channel + k, inside)], inside);
}
