// Row holds 12 channels in registers, for the kernels that run on any device.
struct Row { a : vec4<f32>, b : vec4<f32>, c : vec4<f32> }

fn mac(sum : Row, x : f32, w : Row) -> Row {
  return Row(sum.a + x * w.a, sum.b + x * w.b, sum.c + x * w.c);
}

