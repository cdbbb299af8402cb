// For llvmpipe: a workgroup of 8 lanes has 24 rows and 32 columns, a lane 4 columns of all the
// rows. The lanes read the same rows, at addresses that the driver can see are the same, and so
// pays for once. The last workgroup of the rows overlaps the one before.
fn run(group : u32, lane : u32) {
  let c = (group % ColumnBlocks) * 8u + lane;
  let clamped = min(c, Columns - 1u);
  let block = (group / ColumnBlocks) % RowBlocks * 6u;
  let quad = min(block, Rows / 4u - 6u);
  let matrix = group / (ColumnBlocks * RowBlocks);
  let first = same24(first_quad(matrix, quad));
  var s0 = Quad();
  var s1 = Quad();
  var s2 = Quad();
  var s3 = Quad();
  var s4 = Quad();
  var s5 = Quad();
  for (var k = 0u; k < Terms / 4u; k = k + 1u) {
    let v = columns4((matrix * Terms + 4u * k) * Columns + clamped);
    let at = first + same12(k) * advance();
    s0 = mac4(s0, quad_at(at, 0u), v);
    s1 = mac4(s1, quad_at(at, 1u), v);
    s2 = mac4(s2, quad_at(at, 2u), v);
    s3 = mac4(s3, quad_at(at, 3u), v);
    s4 = mac4(s4, quad_at(at, 4u), v);
    s5 = mac4(s5, quad_at(at, 5u), v);
  }
  if (c >= Columns) { return; }
  store_own(matrix, quad, block, c, s0);
  store_own(matrix, quad + 1u, block, c, s1);
  store_own(matrix, quad + 2u, block, c, s2);
  store_own(matrix, quad + 3u, block, c, s3);
  store_own(matrix, quad + 4u, block, c, s4);
  store_own(matrix, quad + 5u, block, c, s5);
}

fn store_own(matrix : u32, quad : u32, block : u32, c : u32, v : Quad) {
  if (quad >= block) { store4(matrix, quad, c, v); }
}
