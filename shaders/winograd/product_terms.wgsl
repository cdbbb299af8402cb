// a is [Matrices,Terms,Rows]: four rows of a term are adjacent.
fn advance() -> u32 { return Rows; } // from four terms to the next

fn first_quad(matrix : u32, quad : u32) -> u32 { return matrix * Terms * (Rows / 4u) + quad; }

fn quad_at(at : u32, quad : u32) -> Quad {
  let i = at + quad;
  let t0 = a[i];
  let t1 = a[i + Rows / 4u];
  let t2 = a[i + Rows / 2u];
  let t3 = a[i + 3u * (Rows / 4u)];
  return Quad(
    vec4<f32>(t0.x, t1.x, t2.x, t3.x), vec4<f32>(t0.y, t1.y, t2.y, t3.y),
    vec4<f32>(t0.z, t1.z, t2.z, t3.z), vec4<f32>(t0.w, t1.w, t2.w, t3.w));
}
