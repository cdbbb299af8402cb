// An input channel for each of the four output channels c: the k-th of its group.
alias Place = vec4<u32>;

fn place(c : u32) -> Place {
  let co = min(vec4<u32>(c * 4u) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(OutC - 1u));
  return co / vec4<u32>(GroupOut) * vec4<u32>(GroupIn);
}

fn load(line : i32, w : i32, channel : Place, k : u32) -> vec4<f32> {
  let inside = u32(w) < InW;
  let at = select(0u, u32(line + w) * InStride + k, inside);
  let v = vec4<f32>(in_[at + channel.x], in_[at + channel.y], in_[at + channel.z], in_[at + channel.w]);
  return select(vec4<f32>(), v, inside);
}
