// Computes statistics of each row of each map: [smallest, largest, mean, share of the values that
// are not positive].
// Shapes: x is a tensor [Maps,Planes,Rows,Cols] (see Tensor). The output has an entry for each
// (plane, row, map), maps innermost, over Cols values.
// One invocation: one row of one map, summed from the left. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= p.maps * p.planes * p.rows) { return; }
  let m = i % p.maps;
  let row = (i / p.maps) % p.rows;
  let plane = i / (p.maps * p.rows);
  let first = p.offset + m * p.mapStride + plane * p.planeStride + row * p.rowStride;
  var least = x[first];
  var most = least;
  var sum = 0.0;
  var off = 0.0;
  for (var c = 0u; c < p.cols; c = c + 1u) {
    let v = x[first + c * p.colStride];
    least = min(least, v);
    most = max(most, v);
    sum = sum + v;
    off = off + select(1.0, 0.0, v > 0.0);
  }
  let n = f32(p.cols);
  entry[p.to + i] = vec4<f32>(least, most, sum / n, off / n);
}
