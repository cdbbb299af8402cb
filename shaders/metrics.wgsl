// The sums over the runs of a batch, and whether training has diverged: the loss of a step, or a
// weight after the step before it, was infinite or NaN. From then on updates change nothing.
struct Metrics {
  loss : f32,             // sum over the images
  correct : f32,          // images whose largest logit is the label's
  diverged : f32,         // 1, or 0 while all is well
  overflow : atomic<u32>, // the bits of 1.0 once an update has made a weight infinite or NaN
}

// overflows reports whether a value is infinite or NaN. It looks at the bits because compilers may
// assume that floats are finite.
fn overflows(v : vec4<f32>) -> bool {
  return any((bitcast<vec4<u32>>(v) & vec4<u32>(0x7f800000u)) == vec4<u32>(0x7f800000u));
}
