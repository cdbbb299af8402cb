// What the runs of a batch add up, and whether training has diverged: from the
// step on whose loss is not finite, or after whose predecessor a weight was not,
// updates change nothing any more.
struct Metrics {
  loss : f32,             // sum over the images
  correct : f32,          // images whose largest logit is the label's
  diverged : f32,         // 1, or 0 while all is well
  overflow : atomic<u32>, // the bits of 1.0 once an update made a weight not finite
}

// overflows says that a value is infinite or not a number. It looks at the bits
// because compilers may take it that floats are finite.
fn overflows(v : vec4<f32>) -> bool {
  return any((bitcast<vec4<u32>>(v) & vec4<u32>(0x7f800000u)) == vec4<u32>(0x7f800000u));
}
