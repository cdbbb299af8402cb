// Shows a picture of packed pixels on the whole of a render target of the same size.
//   size    columns and rows of the picture
//   pixels  [rows,columns] words, RGBA8 with red in the lowest byte, sRGB-encoded
// One fragment copies one pixel. The target stores what it is given (stored), or encodes it as
// sRGB on the way (linear).

@group(0) @binding(0) var<uniform> size : vec2<u32>;
@group(0) @binding(1) var<storage, read> pixels : array<u32>;

// A triangle whose inside is all of the target: (-1,-1), (3,-1), (-1,3).
@vertex
fn corner(@builtin(vertex_index) i : u32) -> @builtin(position) vec4<f32> {
  return vec4<f32>(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

fn pixel(at : vec4<f32>) -> vec3<f32> {
  return unpack4x8unorm(pixels[u32(at.y) * size.x + u32(at.x)]).rgb;
}

@fragment
fn stored(@builtin(position) at : vec4<f32>) -> @location(0) vec4<f32> {
  return vec4<f32>(pixel(at), 1.0);
}

// The inverse of the target's encoding: IEC 61966-2-1.
@fragment
fn linear(@builtin(position) at : vec4<f32>) -> @location(0) vec4<f32> {
  let c = pixel(at);
  let low = c / 12.92;
  let high = pow((c + 0.055) / 1.055, vec3<f32>(2.4));
  return vec4<f32>(select(high, low, c <= vec3<f32>(0.04045)), 1.0);
}
