// For any device. One invocation: 8 rows x 12 columns in registers.
fn run(group : u32, lane : u32) {
  let i = group * Lanes + lane;
  let quad = (i % RowBlocks) * 2u;
  let c = ((i / RowBlocks) % ColumnBlocks) * 3u;
  let matrix = i / (RowBlocks * ColumnBlocks);
  if (matrix >= Matrices) { return; }
  let quads = Rows / 4u;
  let c1 = min(c + 1u, Columns - 1u);
  let c2 = min(c + 2u, Columns - 1u);
  let first = first_quad(matrix, quad);
  let second = min(1u, quads - 1u - quad);
  var s00 = Quad();
  var s01 = Quad();
  var s02 = Quad();
  var s10 = Quad();
  var s11 = Quad();
  var s12 = Quad();
  for (var k = 0u; k < Terms / 4u; k = k + 1u) {
    let row = (matrix * Terms + 4u * k) * Columns;
    let at = first + k * advance();
    let x0 = quad_at(at, 0u);
    let x1 = quad_at(at, second);
    let v0 = columns4(row + c);
    s00 = mac4(s00, x0, v0);
    s10 = mac4(s10, x1, v0);
    let v1 = columns4(row + c1);
    s01 = mac4(s01, x0, v1);
    s11 = mac4(s11, x1, v1);
    let v2 = columns4(row + c2);
    s02 = mac4(s02, x0, v2);
    s12 = mac4(s12, x1, v2);
  }
  // A loop, because each store takes the driver time to compile. Its variable bound prevents
  // unrolling.
  for (var j = 0u; j < 3u * min(2u, quads - quad); j = j + 1u) {
    var v = s00;
    if (j == 1u) { v = s01; }
    if (j == 2u) { v = s02; }
    if (j == 3u) { v = s10; }
    if (j == 4u) { v = s11; }
    if (j == 5u) { v = s12; }
    if (c + j % 3u < Columns) { store4(matrix, quad + j / 3u, c + j % 3u, v); }
  }
}

fn columns4(i : u32) -> Quad { return Quad(b[i], b[i + Columns], b[i + 2u * Columns], b[i + 3u * Columns]); }

fn mac1(sum : vec4<f32>, x : vec4<f32>, v : Quad) -> vec4<f32> {
  return sum + v.r0 * x.x + v.r1 * x.y + v.r2 * x.z + v.r3 * x.w;
}

fn mac4(sum : Quad, x : Quad, v : Quad) -> Quad {
  return Quad(mac1(sum.r0, x.r0, v), mac1(sum.r1, x.r1, v), mac1(sum.r2, x.r2, v), mac1(sum.r3, x.r3, v));
}

fn store4(matrix : u32, quad : u32, c : u32, v : Quad) {
  let i = (matrix * Rows + 4u * quad) * Columns + c;
  out[i] = v.r0;
  out[i + Columns] = v.r1;
  out[i + 2u * Columns] = v.r2;
  out[i + 3u * Columns] = v.r3;
}
