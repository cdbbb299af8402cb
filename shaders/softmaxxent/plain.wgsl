// The target is 1 for the label and 0 for the other classes.
fn share(c : u32, label : u32) -> f32 { return select(0.0, 1.0, c == label); }

fn mass(label : u32) -> f32 { return 1.0; }

// loss is that of the logits from x[at] on, -log(softmax(x)[label]).
fn loss(at : u32, label : u32, largest : f32, logSum : f32) -> f32 { return largest + logSum - x[at + label]; }

