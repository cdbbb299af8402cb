// Returns where v lies in a range: 0 at its smallest value, range.x, and 1 at its largest, range.y.
// A symmetric range is widened until zero is in its middle. If the range is a single value, every v
// is at its start, or in the middle of a symmetric range.
fn level(v : f32, range : vec4<f32>, symmetric : u32) -> f32 {
  var low = range.x;
  var high = range.y;
  if (symmetric == 1u) {
    high = max(abs(low), abs(high));
    low = -high;
  }
  if (!(high > low)) { return select(0.0, 0.5, symmetric == 1u); }
  return clamp((v - low) / (high - low), 0.0, 1.0);
}

// t, 0 to 1, as a byte.
fn byte(t : f32) -> u32 { return u32(t * 255.0 + 0.5); }

fn pack(r : u32, g : u32, b : u32) -> u32 { return r | (g << 8u) | (b << 16u) | 0xff000000u; }
