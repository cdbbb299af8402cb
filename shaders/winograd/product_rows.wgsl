// a is [Matrices,Rows,Terms]: four terms of a row are adjacent.
fn advance() -> u32 { return 1u; } // from four terms to the next

fn first_quad(matrix : u32, quad : u32) -> u32 { return (matrix * Rows + 4u * quad) * (Terms / 4u); }

fn quad_at(at : u32, quad : u32) -> Quad {
  let i = at + quad * Terms;
  return Quad(a[i], a[i + Terms / 4u], a[i + Terms / 2u], a[i + 3u * (Terms / 4u)]);
}
