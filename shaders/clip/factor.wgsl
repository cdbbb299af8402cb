// factor = min(1, MaxNorm / (norm + Eps)), where norm is the root of the sum of the squares
// in part. It is 1 if a sum is not finite, so that the update sees which values are not.
// Shapes: part [Parts], factor [1]. One invocation in all, part after part. Assigns.
fn run(group : u32, lane : u32) {
  var sum = vec2<f32>();
  for (var i = 0u; i < Parts; i = i + 1u) {
    sum = sum + part[i];
  }
  var f = MaxNorm / (sqrt(sum.x) + Eps);
  if (sum.y > 0.0) {
    f = MaxNorm * Down / sqrt(sum.y + sum.x * Down * Down);
  }
  factor[0] = select(min(1.0, f), 1.0, overflows(sum.xyxy));
}
