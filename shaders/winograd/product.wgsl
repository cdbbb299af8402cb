// Products of matrices: out[m][row][column] = sum over k of a[m][row][k] b[m][k][column].
// Rows, Terms and columns are multiples of 4. From the operand: advance, first_quad and quad_at.
// Shapes: a, see the operand; b [Matrices,Terms,Columns], out [Matrices,Rows,Columns]. Assigns.
struct Quad { r0 : vec4<f32>, r1 : vec4<f32>, r2 : vec4<f32>, r3 : vec4<f32> } // 4 rows of 4

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
