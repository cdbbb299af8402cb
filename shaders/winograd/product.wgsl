// Products of matrices: out[m][row][column] = sum over k of a[m][row][k] b[m][k][column].
// Rows, Terms and the number of columns are multiples of 4; Columns counts vec4s.
// From the operand: advance, first_quad and quad_at.
// Shapes: a as the operand says, b [Matrices,Terms,Columns], out [Matrices,Rows,Columns]. Assigns.
struct Quad { r0 : vec4<f32>, r1 : vec4<f32>, r2 : vec4<f32>, r3 : vec4<f32> } // 4 rows of 4
