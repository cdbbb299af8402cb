// part = two sums of squares over a share of the gradient: of the elements below Large, and of the
// other elements times Down, because their squares would overflow.
// Shapes: g [Count] of vec4, part [First+Parts or more]. One invocation: the vec4 whose number
// modulo Parts is its own, one after the other. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Parts) { return; }
  var small = vec4<f32>();
  var large = vec4<f32>();
  for (var j = i; j < Count; j = j + Parts) {
    let v = g[j];
    let down = v * Down;
    let isLarge = abs(v) >= vec4<f32>(Large);
    small = small + select(v * v, vec4<f32>(), isLarge);
    large = large + select(vec4<f32>(), down * down, isLarge);
  }
  part[First + i] = vec2<f32>((small.x + small.y) + (small.z + small.w), (large.x + large.y) + (large.z + large.w));
}
