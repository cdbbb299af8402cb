package conv2d

import (
	_ "embed"
	"fmt"
	"strings"

	"wgnin/shaders"
)

//go:embed broadcast.wgsl
var broadcastProduct string

// Product describes Shares products of matrices [Rows,Terms] and [Terms,Columns]. Columns must be a
// multiple of 4, and so must Terms unless Strided is true.
type Product struct {
	Shares, Rows, Terms, Columns int
	Strided                      bool // four terms of a row are not adjacent in memory
	Line                         int  // if not 0, a multiple of the number of terms in a block
	Whole                        bool // a block contains all terms
	Biased                       bool // the sums start from a row of biases
	Totals                       bool // one more row holds the sums of the second matrix's columns
}

// blocks describes how a Broadcast kernel divides a product into blocks.
type blocks struct {
	Rows, BlockRows, RowBlocks int
	Vecs, ColumnBlocks         int
	Terms, BlockTerms, Blocks  int
	Kept                       int // vec4s in the private memory of a lane
	Biased, Totals             bool
}

// Limits of a block. A longer unrolled loop would exceed the processor's instruction cache. Larger
// row blocks would leave fewer workgroups than the constant busy, too few for the cores. pinned is
// the number of terms that llvmpipe's compiler should see at a time.
const (
	blockVecs = 256 // of b
	blockRows = 512
	busy      = 64 // workgroups
	pinned    = 16

	// cyclesMACs is the cost of half a cycle, in the multiply-adds that [Shape.cost] counts.
	cyclesMACs = 1.85
)

// blocks returns the division of the product that takes the fewest cycles on llvmpipe, and the
// number of half cycles for each row.
func (p Product) blocks() (best blocks, least int) {
	for vecs := 1; vecs <= 4; vecs++ {
		if p.Whole && p.Terms > blockVecs/vecs {
			break
		}
		b := blocks{Rows: p.Rows, Terms: p.Terms, Vecs: vecs, Biased: p.Biased, Totals: p.Totals}
		b.ColumnBlocks = shaders.DivUp(p.Columns, 32*vecs)
		switch most := blockVecs / vecs &^ 3; {
		case p.Line > 0:
			b.BlockTerms = divisor(p.Line, most)
			b.Blocks = p.Terms / b.BlockTerms
		case p.Strided:
			b.BlockTerms, b.Blocks = evenly(p.Terms, most, 1)
		default:
			b.BlockTerms, b.Blocks = evenly(p.Terms, most, 4)
		}
		count := max(shaders.DivUp(p.Rows, blockRows), min(shaders.DivUp(busy, p.Shares*b.ColumnBlocks), p.Rows/96))
		b.BlockRows, b.RowBlocks = evenly(p.Rows, shaders.DivUp(p.Rows, max(count, 1)), 1)
		b.Kept = vecs * (b.BlockTerms + 1 + shaders.DivUp(b.BlockTerms, pinned))
		if n := p.halfCycles(b); best.Vecs == 0 || n < least {
			best, least = b, n
		}
	}
	return best, least
}

// evenly divides n into parts of equal size, which is a multiple of multiple. most bounds the size.
func evenly(n, most, multiple int) (size, parts int) {
	size = shaders.RoundUp(shaders.DivUp(n, shaders.DivUp(n, most)), multiple)
	return size, shaders.DivUp(n, size)
}

// divisor returns the largest divisor of n that is at most most.
func divisor(n, most int) int {
	for d := min(n, most); ; d-- {
		if n%d == 0 {
			return d
		}
	}
}

// halfCycles returns twice the cycles that llvmpipe takes for a row of the product. Measured with 8
// lanes, a vec4 of multiply-adds takes 3 cycles, loading a value of matrix a 2.5 (6 if each is
// loaded by itself), loading or storing a vec4 in all lanes 55, and keeping one 100.
func (p Product) halfCycles(b blocks) int {
	value, moved := 5, 110
	if p.Strided {
		value = 12
	}
	if b.Blocks > 1 {
		moved *= 2
	}
	block := 6*b.BlockTerms*b.Vecs + value*b.BlockTerms + moved*b.Vecs + 200*b.BlockTerms*b.Vecs/b.BlockRows
	return b.ColumnBlocks * b.Blocks * block
}

// cost returns the cost of the product in multiply-adds; see [Shape.cost].
func (p Product) cost() float64 {
	_, halfCycles := p.blocks()
	return cyclesMACs * float64(p.Shares) * float64(p.Rows) * float64(halfCycles)
}

// sums returns the WGSL that sums the terms of a block for the row at an address, and keeps the
// sums after the block. It also keeps the partial sums after every few terms. Otherwise the
// compiler moves all additions behind the last load, where it has more values than registers.
func (b blocks) sums() string {
	var w strings.Builder
	w.WriteString("\nfn sums(at : u32) {\n")
	kept := b.BlockTerms * b.Vecs
	for v := range b.Vecs {
		first := "vec4<f32>()"
		if b.Biased {
			first = fmt.Sprintf("kept(%du)", kept+v)
		}
		fmt.Fprintf(&w, "  var s%d = %s;\n", v, first)
	}
	kept += b.Vecs
	for k := 0; k < b.BlockTerms; k += pinned {
		end := min(k+pinned, b.BlockTerms)
		for i := k; i < end; i += 4 {
			fmt.Fprintf(&w, "  let x%d = four(at, %du);\n", i, i)
		}
		for v := range b.Vecs {
			for i := k; i < end; i++ {
				fmt.Fprintf(&w, "  s%d = s%d + kept(%du) * x%d.%c;\n", v, v, i*b.Vecs+v, i&^3, "xyzw"[i%4])
			}
			fmt.Fprintf(&w, "  keep(%du, s%d);\n", kept, v)
			kept++
		}
	}
	w.WriteString("}\n")
	return w.String()
}

// Broadcast returns the text of a Broadcast kernel for the product, the number of its workgroups,
// and the number of iterations of an invocation's loops. The operands are WGSL that loads the
// matrices and stores the result.
func (p Product) Broadcast(operands ...string) (source string, groups, iterations int) {
	b, _ := p.blocks()
	source = shaders.Source(b, append(operands, broadcastProduct, b.sums())...)
	return source, p.Shares * b.ColumnBlocks * b.RowBlocks,
		b.Blocks * (2*b.BlockTerms*b.Vecs + (b.BlockRows+1)*(1+b.Vecs))
}
