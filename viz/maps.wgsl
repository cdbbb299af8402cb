// Draws a grid of maps. Each value is a rectangle with sharp edges, in the colour of its level.
// Shapes: x is a tensor [Maps,Planes,Rows,Cols] (see Tensor). Three planes are drawn as red, green
// and blue; of any other number, only the first is drawn. frame is [*,frameWidth] packed RGBA8
// pixels, of which the panel is a part.
// One invocation: one pixel of the panel. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= p.width * p.height) { return; }
  let px = i % p.width;
  let py = i / p.width;
  frame[(p.top + py) * p.frameWidth + p.left + px] = colour(px, py);
}

fn colour(px : u32, py : u32) -> u32 {
  // The grid begins with a gap; counted from a whole pitch before the first map,
  // no number is negative.
  let pitchX = p.cellWidth + p.gap;
  let pitchY = p.cellHeight + p.gap;
  let column = (px + p.cellWidth) / pitchX;
  let row = (py + p.cellHeight) / pitchY;
  let inX = (px + p.cellWidth) % pitchX;
  let inY = (py + p.cellHeight) % pitchY;
  let m = (row - 1u) * p.columns + column - 1u;
  if (column == 0u || column > p.columns || row == 0u || inX >= p.cellWidth || inY >= p.cellHeight || m >= p.maps) {
    return select(p.background, p.markColour, marked(px, py));
  }
  let at = p.offset + m * p.mapStride + (inY * p.rows / p.cellHeight) * p.rowStride
    + (inX * p.cols / p.cellWidth) * p.colStride;
  let range = entry[p.range + m * p.rangeStep];
  if (p.planes == 3u) {
    return pack(
      byte(level(x[at], range, p.symmetric)),
      byte(level(x[at + p.planeStride], range, p.symmetric)),
      byte(level(x[at + 2u * p.planeStride], range, p.symmetric)));
  }
  return colours[p.colours + byte(level(x[at], range, p.symmetric))];
}

// Whether a pixel outside the maps is in the border round the marked one.
fn marked(px : u32, py : u32) -> bool {
  if (p.mark >= p.maps) { return false; }
  let x0 = p.gap + (p.mark % p.columns) * (p.cellWidth + p.gap);
  let y0 = p.gap + (p.mark / p.columns) * (p.cellHeight + p.gap);
  return (px + p.border >= x0) & (px < x0 + p.cellWidth + p.border)
    & (py + p.border >= y0) & (py < y0 + p.cellHeight + p.border);
}
