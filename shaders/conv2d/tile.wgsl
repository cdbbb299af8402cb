// Matrix product for GPUs, for each share: out[row][column] = sum over the share's k of
// a[row][k] * b[k][column].
// A tile has TileRows rows and TileColumns columns. Its workgroup loads the operands into workgroup
// memory for Depth values of k at a time. A lane has 8 rows x 8 columns in registers, in two groups
// of four rows and two of four columns, so that adjacent lanes read and write adjacent memory. The
// inner loop uses constant indices for four values of k, because naga clamps every other index,
// which took a fifth of the loop's instructions.
// Whole, WholeRows and WholeColumns are true if the tiles divide the product evenly. They are
// constants, so conditions on them cost nothing.
// From tile_one.wgsl or tile_each.wgsl: run. From the operands: Rows4, rows_at, fill, columns_at
// and store_row.
var<workgroup> tile_a : array<array<array<vec4<f32>, RowQuads>, 4>, DepthQuads>; // [k / 4][k % 4][row / 4]
var<workgroup> tile_b : array<array<array<vec4<f32>, ColumnQuads>, 4>, DepthQuads>; // [k / 4][k % 4][column / 4]

struct Sums {
  s0 : vec4<f32>, s1 : vec4<f32>, s2 : vec4<f32>, s3 : vec4<f32>,
  s4 : vec4<f32>, s5 : vec4<f32>, s6 : vec4<f32>, s7 : vec4<f32>,
}

struct Halves { left : Sums, right : Sums }

fn mac(t : Sums, a : vec4<f32>, b : vec4<f32>, v : vec4<f32>) -> Sums {
  return Sums(
    t.s0 + v * a.x, t.s1 + v * a.y, t.s2 + v * a.z, t.s3 + v * a.w,
    t.s4 + v * b.x, t.s5 + v * b.y, t.s6 + v * b.z, t.s7 + v * b.w);
}

fn mac2(t : Halves, a : vec4<f32>, b : vec4<f32>, left : vec4<f32>, right : vec4<f32>) -> Halves {
  return Halves(mac(t.left, a, b, left), mac(t.right, a, b, right));
}

fn run_tile(tile : u32, lane : u32) {
  let column = (tile % ColumnTiles) * ColumnQuads; // columns are counted in fours
  let row = ((tile / ColumnTiles) % RowTiles) * TileRows;
  let share = tile / (ColumnTiles * RowTiles);
  // A lane always loads the same four rows, and the same four columns with the same k % 4. If only
  // the first lanes are needed to load rows, the others may load the columns.
  let quad = lane % RowQuads;
  let rows = rows_at(row + 4u * quad);
  let b = lane - (Lanes - LanesB);
  let c = b % ColumnQuads;
  let clamped = min(column + c, OutVecs - 1u);
  let term = b / ColumnQuads % 4u;
  let x = min(lane % (ColumnQuads / 2u), ColumnQuads - 1u);
  let y = min(lane / (ColumnQuads / 2u), RowQuads - 1u);
  let x2 = min(x + ColumnQuads / 2u, ColumnQuads - 1u);
  let y2 = min(y + RowQuads / 2u, RowQuads - 1u);
  var t = Halves();
  for (var turn = 0u; turn < Turns; turn = turn + 1u) {
    if (LanesA == Lanes || lane < LanesA) {
      for (var j = 0u; j < RoundsA; j = j + 1u) {
        let i = lane / RowQuads + j * StepA;
        if ((j + 1u) * StepA <= Depth / Fill || i < Depth / Fill) { fill(rows, share, turn * Depth, i, quad); }
      }
    }
    if (LanesB == Lanes || lane >= Lanes - LanesB) {
      for (var j = 0u; j < RoundsB; j = j + 1u) {
        let i = b / (4u * ColumnQuads) + j * StepB;
        if ((j + 1u) * StepB <= DepthQuads || i < DepthQuads) {
          tile_b[i][term][c] = columns_at(share, turn * Depth + 4u * i + term, clamped);
        }
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < DepthQuads; k = k + 1u) {
      t = mac2(t, tile_a[k][0][y], tile_a[k][0][y2], tile_b[k][0][x], tile_b[k][0][x2]);
      t = mac2(t, tile_a[k][1][y], tile_a[k][1][y2], tile_b[k][1][x], tile_b[k][1][x2]);
      t = mac2(t, tile_a[k][2][y], tile_a[k][2][y2], tile_b[k][2][x], tile_b[k][2][x2]);
      t = mac2(t, tile_a[k][3][y], tile_a[k][3][y2], tile_b[k][3][x], tile_b[k][3][x2]);
    }
    workgroupBarrier();
  }
  store8(share, row + 4u * y, column + x, t.left);
  store8(share, row + 4u * y, column + x2, t.right);
}

// clamp_k returns k, or the last k if there are fewer. fill stores zeros for the k beyond, so that
// these add nothing.
fn clamp_k(k : u32) -> u32 { return select(min(k, K - 1u), k, Whole); }

fn store8(share : u32, row : u32, c : u32, t : Sums) {
  if (!WholeColumns && c >= OutVecs) { return; }
  store1(share, row, c, t.s0);
  store1(share, row + 1u, c, t.s1);
  store1(share, row + 2u, c, t.s2);
  store1(share, row + 3u, c, t.s3);
  store1(share, row + TileRows / 2u, c, t.s4);
  store1(share, row + TileRows / 2u + 1u, c, t.s5);
  store1(share, row + TileRows / 2u + 2u, c, t.s6);
  store1(share, row + TileRows / 2u + 3u, c, t.s7);
}

fn store1(share : u32, row : u32, c : u32, v : vec4<f32>) {
  if (WholeRows || row < AllRows) { store_row(share, row, c, v); }
}
