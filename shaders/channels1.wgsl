// The channel number of an Elem of one channel.
fn channels(c : u32) -> u32 { return c; }
