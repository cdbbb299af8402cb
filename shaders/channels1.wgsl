// The channel of an element that is one channel.
fn channels(c : u32) -> u32 { return c; }
