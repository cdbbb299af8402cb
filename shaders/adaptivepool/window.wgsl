// The first pixel that window o of m covers on an axis of n pixels, and the pixel after the last.
// With n and m exchanged, it is the range of the windows that cover pixel o, because the condition
// is symmetric.
fn first(o : u32, n : u32, m : u32) -> u32 { return o * n / m; }

fn end(o : u32, n : u32, m : u32) -> u32 { return ((o + 1u) * n + m - 1u) / m; }
