// Applies the gradient of the relu whose output is x.
fn constant(c : u32) -> f32 { return 0.0; }

fn finish(address : u32, v : f32, none : f32) -> f32 { return select(0.0, v, x[address] > 0.0); }
