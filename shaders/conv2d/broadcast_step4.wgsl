// Reads values of in four at a time.
const Step = 4u;

fn four(at : u32, k : u32) -> vec4<f32> { return in_[at + offset(k)]; }
