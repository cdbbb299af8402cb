// The number of pixels of the chunk in images that are not masked.
fn counted(chunk : u32) -> u32 {
  let start = chunk * Length;
  return min(max(batch.rows * P, start) - start, Length);
}

