// y = Scale (x - mean) / ||x - mean||, where mean and norm are of all values of
// an image; zeros for an image whose values are all the same.
// Shapes: x and y [N,Elems]. One workgroup: one image. Each of its lanes sums
// the whole image, so that none waits for another, and assigns every 64th value.
fn run(group : u32, lane : u32) {
  let first = group * Elems;
  // Differences from the first value: they are exactly zero in a flat image,
  // whose mean would not be.
  let base = x[first];
  var sum = 0.0;
  for (var e = 0u; e < Elems; e = e + 1u) { sum = sum + (x[first + e] - base); }
  let mean = sum / f32(Elems);
  var squares = 0.0;
  for (var e = 0u; e < Elems; e = e + 1u) {
    let d = x[first + e] - base - mean;
    squares = squares + d * d;
  }
  let factor = Scale / max(sqrt(squares), Least);
  for (var e = lane; e < Elems; e = e + 64u) { y[first + e] = (x[first + e] - base - mean) * factor; }
}
