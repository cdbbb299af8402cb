// Draws a class activation map (Zhou et al., arXiv:1512.04150) over the image. The map of one class
// is enlarged by bilinear interpolation and drawn in one hue. Its opacity is 0 where the map is not
// positive, and p.opacity where the map is largest.
// Shapes: image is a tensor [1,Planes,Rows,Cols] of values 0 to 1 (see Tensor), of 1 or 3 planes;
// map is [Rows,Cols]; frame is [*,frameWidth] packed RGBA8 pixels.
// One invocation: one pixel of the panel. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= p.width * p.height) { return; }
  let px = i % p.width;
  let py = i / p.width;
  frame[(p.top + py) * p.frameWidth + p.left + px] = colour(px, py);
}

fn map_at(row : i32, col : i32) -> f32 {
  let r = u32(clamp(row, 0, i32(p.mapRows) - 1));
  let c = u32(clamp(col, 0, i32(p.mapCols) - 1));
  return map[p.mapOffset + r * p.mapRowStride + c * p.mapColStride];
}

fn colour(px : u32, py : u32) -> u32 {
  // Pixels and values are at the middles of their squares.
  let h = (f32(py) + 0.5) * f32(p.mapRows) / f32(p.height) - 0.5;
  let w = (f32(px) + 0.5) * f32(p.mapCols) / f32(p.width) - 0.5;
  let row = i32(floor(h));
  let col = i32(floor(w));
  let v = mix(
    mix(map_at(row, col), map_at(row, col + 1), w - floor(w)),
    mix(map_at(row + 1, col), map_at(row + 1, col + 1), w - floor(w)), h - floor(h));
  let share = p.opacity * level(v, vec4<f32>(0.0, entry[p.range].y, 0.0, 0.0), 0u);
  let at = p.offset + (py * p.rows / p.height) * p.rowStride + (px * p.cols / p.width) * p.colStride;
  let green = select(0u, p.planeStride, p.planes == 3u);
  return pack(
    blend(image[at], p.hue, share),
    blend(image[at + green], p.hue >> 8u, share),
    blend(image[at + 2u * green], p.hue >> 16u, share));
}

// Between the image's value v and the low byte of top.
fn blend(v : f32, top : u32, share : f32) -> u32 {
  return u32(mix(clamp(v, 0.0, 1.0) * 255.0, f32(top & 255u), share) + 0.5);
}
