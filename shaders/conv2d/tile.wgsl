// Matrix product for GPUs: out[row][column] = sum over k of a[row][k] * b[k][column],
// of the k that a share has.
// A workgroup has TileRows rows and TileColumns columns and takes Depth k at a
// time through workgroup memory. A lane has 8 rows and 8 columns in registers,
// of each two groups of four, so that lanes side by side read and write side by
// side. From the operands: Rows4, rows_at, fill, columns_at and store_row.
var<workgroup> tile_a : array<vec4<f32>, TileA>; // [Depth][rows / 4]
var<workgroup> tile_b : array<vec4<f32>, TileB>; // [Depth][columns / 4]

struct Sums {
  s0 : vec4<f32>, s1 : vec4<f32>, s2 : vec4<f32>, s3 : vec4<f32>,
  s4 : vec4<f32>, s5 : vec4<f32>, s6 : vec4<f32>, s7 : vec4<f32>,
}

fn mac(t : Sums, a : vec4<f32>, b : vec4<f32>, v : vec4<f32>) -> Sums {
  return Sums(
    t.s0 + v * a.x, t.s1 + v * a.y, t.s2 + v * a.z, t.s3 + v * a.w,
    t.s4 + v * b.x, t.s5 + v * b.y, t.s6 + v * b.z, t.s7 + v * b.w);
}

fn run(group : u32, lane : u32) {
  let column = (group % ColumnTiles) * ColumnQuads; // all columns in fours
  let row = ((group / ColumnTiles) % RowTiles) * TileRows;
  let share = group / (ColumnTiles * RowTiles);
  // A lane brings in the same four rows, for some k.
  let quad = lane % RowQuads;
  let rows = rows_at(row + 4u * quad);
  let x = lane % (ColumnQuads / 2u);
  let y = lane / (ColumnQuads / 2u);
  var left = Sums();
  var right = Sums();
  for (var turn = 0u; turn < Turns; turn = turn + 1u) {
    for (var i = lane / RowQuads; i < Depth / Fill; i = i + Lanes / RowQuads) {
      fill(rows, share, turn * Depth, i, quad);
    }
    for (var i = lane; i < TileB; i = i + Lanes) {
      tile_b[i] = columns_at(share, turn * Depth + i / ColumnQuads, min(column + i % ColumnQuads, OutVecs - 1u));
    }
    workgroupBarrier();
    for (var k = 0u; k < Depth; k = k + 1u) {
      let a = tile_a[k * RowQuads + y];
      let b = tile_a[k * RowQuads + y + RowQuads / 2u];
      left = mac(left, a, b, tile_b[k * ColumnQuads + x]);
      right = mac(right, a, b, tile_b[k * ColumnQuads + x + ColumnQuads / 2u]);
    }
    workgroupBarrier();
  }
  store8(share, row + 4u * y, column + x, left);
  store8(share, row + 4u * y, column + x + ColumnQuads / 2u, right);
}

fn store8(share : u32, row : u32, c : u32, t : Sums) {
  if (c >= OutVecs) { return; }
  store_row(share, row, c, t.s0);
  store_row(share, row + 1u, c, t.s1);
  store_row(share, row + 2u, c, t.s2);
  store_row(share, row + 3u, c, t.s3);
  store_row(share, row + TileRows / 2u, c, t.s4);
  store_row(share, row + TileRows / 2u + 1u, c, t.s5);
  store_row(share, row + TileRows / 2u + 2u, c, t.s6);
  store_row(share, row + TileRows / 2u + 3u, c, t.s7);
}
