// Reads values of in one at a time.
const Step = 1u;

fn four(at : u32, k : u32) -> vec4<f32> {
  return vec4<f32>(in_[at + offset(k)], in_[at + offset(k + 1u)], in_[at + offset(k + 2u)], in_[at + offset(k + 3u)]);
}
