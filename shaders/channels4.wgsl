// The channel numbers of an Elem of four channels, from c on.
fn channels(c : u32) -> vec4<u32> { return vec4<u32>(c, c + 1u, c + 2u, c + 3u); }
