// The addresses of a 1x1 convolution, forward or input gradient. Pixel p of the result reads pixel
// p, and no tap is in the padding.
alias Pixel = u32;

fn pixel_at(p : u32) -> Pixel { return min(p, Pixels - 1u) * InStride; }

fn tap(p : Pixel, r : u32, s : u32) -> u32 { return p; }
