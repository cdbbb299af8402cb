// Weight and bias gradient for llvmpipe, in shares: part[j][row][co] = sum over the pixels p of the
// images of share j of x[value that the row reads for p] * dY[p][co]. A row is (r,s,ci). Row
// Taps*InC is the bias, if there is one, and reads 1 everywhere.
// Shapes: x [N,InH,InW,InStride], dY [N,OutH,OutW,OutC], part [Shares,Rows,OutC].
// A workgroup of 8 lanes computes one tap, 24 input channels and 32 output channels. A lane has
// 24 x 4 sums in registers. All lanes read the same pixels of x. The driver can see that the
// addresses are equal, and loads each pixel once. The loops skip pixels whose tap is in the
// padding. Assigns.
struct Sums4 { k0 : vec4<f32>, k1 : vec4<f32>, k2 : vec4<f32>, k3 : vec4<f32> } // of 4 input channels

fn mac(sum : Sums4, x : vec4<f32>, d : vec4<f32>) -> Sums4 {
  return Sums4(sum.k0 + d * x.x, sum.k1 + d * x.y, sum.k2 + d * x.z, sum.k3 + d * x.w);
}

// The outputs whose tap t is inside the image: from first_inside up to but not including
// last_inside.
fn first_inside(t : u32, pad : u32, stride : u32) -> u32 { return (max(pad, t) - t + stride - 1u) / stride; }

fn last_inside(t : u32, pad : u32, stride : u32, size : u32, outputs : u32) -> u32 {
  return min(outputs, (max(size + pad, t) - t + stride - 1u) / stride);
}

fn store4(row : u32, ci : u32, c : u32, v : Sums4) {
  if (ci >= InC) { return; }
  let at = (row + ci) * OutVecs + c;
  part[at] = v.k0;
  part[at + OutVecs] = v.k1;
  part[at + 2u * OutVecs] = v.k2;
  part[at + 3u * OutVecs] = v.k3;
}

fn bias(share : u32, c : u32, images : u32) {
  var sum = vec4<f32>();
  for (var p = share * ImagesPerShare * OutH * OutW; p < images * OutH * OutW; p = p + 1u) {
    sum = sum + dY[p * OutVecs + min(c, OutVecs - 1u)];
  }
  if (c < OutVecs) { part[(share * Rows + Rows - 1u) * OutVecs + c] = sum; }
}

fn run(group : u32, lane : u32) {
  let c = (group % OutBlocks) * 8u + lane;
  let slice = (group / OutBlocks) % AllSlices;
  let share = group / (OutBlocks * AllSlices);
  let images = min((share + 1u) * ImagesPerShare, N);
  if (slice == Taps * Slices) {
    bias(share, c, images);
    return;
  }
  let tap = slice / Slices;
  let r = tap / KW * DilationH;
  let s = tap % KW * DilationW;
  let ci = (slice % Slices) * 24u;
  let clamped = min(c, OutVecs - 1u);
  let quad = same12(ci / 4u);
  // The last slice may have fewer channels. The loads beyond it read its last channels again.
  let q1 = min(quad + 1u, InQuads - 1u) - quad;
  let q2 = min(quad + 2u, InQuads - 1u) - quad;
  let q3 = min(quad + 3u, InQuads - 1u) - quad;
  let q4 = min(quad + 4u, InQuads - 1u) - quad;
  let q5 = min(quad + 5u, InQuads - 1u) - quad;
  var s0 = Sums4();
  var s1 = Sums4();
  var s2 = Sums4();
  var s3 = Sums4();
  var s4 = Sums4();
  var s5 = Sums4();
  let h0 = first_inside(r, PadTop, StrideH);
  let h1 = last_inside(r, PadTop, StrideH, InH, OutH);
  let w0 = first_inside(s, PadLeft, StrideW);
  let w1 = last_inside(s, PadLeft, StrideW, InW, OutW);
  for (var n = share * ImagesPerShare; n < images; n = n + 1u) {
    for (var oh = h0; oh < h1; oh = oh + 1u) {
      let line = same24(n * InH + oh * StrideH + r - PadTop) * (InW * InQuads) + quad;
      let out_line = (n * OutH + oh) * OutW;
      for (var ow = w0; ow < w1; ow = ow + 1u) {
        let at = line + same12(ow * StrideW + s - PadLeft) * InQuads;
        let d = dY[(out_line + ow) * OutVecs + clamped];
        s0 = mac(s0, x[at], d);
        s1 = mac(s1, x[at + q1], d);
        s2 = mac(s2, x[at + q2], d);
        s3 = mac(s3, x[at + q3], d);
        s4 = mac(s4, x[at + q4], d);
        s5 = mac(s5, x[at + q5], d);
      }
    }
  }
  if (c >= OutVecs) { return; }
  let row = share * Rows + tap * InC;
  store4(row, ci, c, s0);
  store4(row, ci + 4u, c, s1);
  store4(row, ci + 8u, c, s2);
  store4(row, ci + 12u, c, s3);
  store4(row, ci + 16u, c, s4);
  store4(row, ci + 20u, c, s5);
}
