// Place is where element i of a tensor [N,height,width,Elems] lies.
struct Place { n : u32, h : u32, w : u32, c : u32 }

fn place(i : u32, height : u32, width : u32) -> Place {
  let pixel = i / Elems;
  return Place(pixel / (width * height), (pixel / width) % height, pixel % width, i % Elems);
}

