// The first of an axis of n pixels that window o of m covers, and the one after the last. With
// n and m exchanged, the windows that cover pixel o: the condition is the same both ways.
fn first(o : u32, n : u32, m : u32) -> u32 { return o * n / m; }

fn end(o : u32, n : u32, m : u32) -> u32 { return ((o + 1u) * n + m - 1u) / m; }
