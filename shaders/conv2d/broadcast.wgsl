// Matrix product for llvmpipe: out[row][column] = sum over k of a[row][k] *
// b[k][column], for each share.
// A workgroup has 8 lanes. Each lane keeps a block of b in private memory: BlockTerms terms of
// 4*Vecs columns. The workgroup computes BlockRows rows, one at a time. It adds a row's sums over
// the terms of the block to the sums of earlier blocks in out. All lanes read the same values of a. The
// driver can see that the addresses are equal, and loads each value once. The terms of a block are
// unrolled, because otherwise the driver does not read b as vectors.
// If Biased is true, the sums start from initial. If Totals is true, one more row holds the sums
// of b's columns.
// From the operands: address_at, four, columns_at, initial, sum_at and store_row. From the
// generated text: sums.
// There are four arrays instead of one, because the driver's compiler takes time that grows with
// the square of an array's uses.
var<private> kept_x : array<f32, Kept>;
var<private> kept_y : array<f32, Kept>;
var<private> kept_z : array<f32, Kept>;
var<private> kept_w : array<f32, Kept>;

fn keep(i : u32, v : vec4<f32>) {
  kept_x[i] = v.x;
  kept_y[i] = v.y;
  kept_z[i] = v.z;
  kept_w[i] = v.w;
}

fn kept(i : u32) -> vec4<f32> { return vec4<f32>(kept_x[i], kept_y[i], kept_z[i], kept_w[i]); }

// add adds a sum over the terms of a block to the sum of the earlier blocks.
fn add(share : u32, row : u32, c : u32, v : vec4<f32>, block : u32) {
  var sum = v;
  if (block > 0u) { sum = sum + sum_at(share, row, c); }
  store_row(share, row, c, sum, block + 1u == Blocks);
}

fn run(group : u32, lane : u32) {
  let c = (group % ColumnBlocks) * (8u * Vecs) + lane;
  let first = (group / ColumnBlocks) % RowBlocks * BlockRows;
  let share = group / (ColumnBlocks * RowBlocks);
  for (var block = 0u; block < Blocks; block = block + 1u) {
    // The last block may overlap the one before. Terms that were summed there are kept as zeros.
    let start = min(block * BlockTerms, Terms - BlockTerms);
    // lane / 8 is 0, but the driver does not know that. Otherwise it would unroll short loops, and
    // take a second to compile them.
    for (var i = 0u; i < BlockTerms * Vecs + lane / 8u; i = i + 1u) {
      let k = start + i / Vecs;
      let v = columns_at(share, k, min(c + i % Vecs * 8u, OutVecs - 1u));
      keep(i, select(vec4<f32>(), v, k >= block * BlockTerms));
    }
    if (Biased) {
      for (var i = 0u; i < Vecs; i = i + 1u) {
        keep(BlockTerms * Vecs + i, select(vec4<f32>(), initial(min(c + i * 8u, OutVecs - 1u)), block == 0u));
      }
    }
    for (var row = first; row < min(first + BlockRows, Rows); row = row + 1u) {
      sums(address_at(share, row, start));
      for (var i = 0u; i < Vecs; i = i + 1u) {
        if (c + i * 8u < OutVecs) { add(share, row, c + i * 8u, kept(Kept - Vecs + i), block); }
      }
    }
    if (Totals) {
      for (var i = 0u; i < Vecs; i = i + 1u) {
        var sum = vec4<f32>();
        for (var k = i; k < BlockTerms * Vecs; k = k + Vecs) {
          sum = sum + kept(k);
        }
        if (first == 0u && c + i * 8u < OutVecs) { add(share, Rows, c + i * 8u, sum, block); }
      }
    }
  }
}
