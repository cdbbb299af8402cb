// Package report measures networks and prints the results: how well a trained network classifies
// images ([Evaluate]), what training costs ([PlanCost], which needs no adapter), and how fast it is
// ([Bench]). Each returns a value that is printed with its method Write.
//
// Here path names a file of weights, ctx is a context, dev a [gpu.Device], test are the images to
// test on, as data.Load returns them, and must ends the program if there is an error:
//
//	m, err := nin.ReadModel(path, "")
//	must(err)
//	scores, err := report.Evaluate(ctx, dev, m, test, 64, nil) // 64 images at a time
//	must(err)
//	must(scores.Write(log.Writer()))
//
// The file nin/report/example_test.go is the whole program.
package report

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/session"
	"wgnin/nn"
	"wgnin/nn/data"
)

// Scores measure how well a network classifies labelled images.
type Scores struct {
	Recipe    string       `json:"recipe"`
	Dataset   string       `json:"dataset"`
	Images    int          `json:"images"`
	Accuracy  float64      `json:"accuracy"` // share of images whose label has the largest logit
	Loss      float64      `json:"loss"`     // mean cross-entropy, in nats
	Classes   []ClassScore `json:"classes"`
	Confusion [][]int      `json:"confusion"` // [label][prediction]: number of images
}

// ClassScore measures how well a network recognises one class.
type ClassScore struct {
	Name      string  `json:"name"`
	Images    int     `json:"images"`
	Precision float64 `json:"precision"` // share of the images predicted as this class that are of it; 0 if none
	Recall    float64 `json:"recall"`    // share of the images of this class predicted as it; 0 if none
}

// Evaluate measures m on images, batch images at a time. Unless progress is nil, Evaluate calls it
// with the number of images done so far. It returns an error if the images do not fit the model.
func Evaluate(ctx context.Context, dev *gpu.Device, m *nin.Model, images *data.Images, batch int,
	progress func(done int)) (Scores, error) {
	e := Scores{Recipe: m.Recipe, Dataset: images.Name, Images: images.Len()}
	if err := m.Check(images); err != nil {
		return e, err
	}
	on, err := session.OfModel(dev, m)
	if err != nil {
		return e, err
	}
	defer on.Close()
	if err := on.Test(images, batch); err != nil {
		return e, err
	}
	eval := on.Evaluator
	n := len(m.Classes)
	e.Confusion = make([][]int, n)
	for i := range e.Confusion {
		e.Confusion[i] = make([]int, n)
	}
	for first := 0; first < images.Len(); first += eval.Batch() {
		if err := ctx.Err(); err != nil {
			return e, err
		}
		rows, err := eval.Logits(first, min(eval.Batch(), images.Len()-first))
		if err != nil {
			return e, err
		}
		for i, logits := range rows {
			label := images.Label(first + i)
			e.Confusion[label][slices.Index(logits, slices.Max(logits))]++
			e.Loss -= nn.LogSoftmax(logits)[label]
		}
		if progress != nil {
			progress(first + len(rows))
		}
	}
	e.Loss /= float64(e.Images)
	e.count(images.Classes)
	return e, nil
}

// count fills in the results that follow from the confusion matrix.
func (e *Scores) count(classes []string) {
	right := 0
	for c, name := range classes {
		r, taken := ClassScore{Name: name}, 0
		for o := range classes {
			r.Images += e.Confusion[c][o]
			taken += e.Confusion[o][c]
		}
		hits := e.Confusion[c][c]
		right += hits
		r.Precision, r.Recall = share(hits, taken), share(hits, r.Images)
		e.Classes = append(e.Classes, r)
	}
	e.Accuracy = share(right, e.Images)
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// Printable returns the name of a class or of a file for printing. It quotes a name that contains
// anything but graphic characters and spaces, such as line breaks, terminal escapes, characters
// that change the direction of writing, or bytes that are not UTF-8.
func Printable(name string) string {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return strconv.QuoteToGraphic(name)
	}
	return name
}

// maxText is the largest number of classes for which the matrix is printed in numbers.
const maxText = 20

// Write prints the evaluation as tables.
func (e Scores) Write(w io.Writer) error {
	fmt.Fprintf(w, "%s on %d images of %s: accuracy %.4f, loss %.4f\n\n",
		Printable(cmp.Or(e.Recipe, "a network of no recipe")), e.Images,
		Printable(e.Dataset), e.Accuracy, e.Loss)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "class\timages\tprecision\trecall\tmost often taken for")
	for c, r := range e.Classes {
		taken := "-"
		others := slices.Clone(e.Confusion[c])
		others[c] = 0
		if most := slices.Max(others); most > 0 {
			taken = fmt.Sprintf("%s (%d)", Printable(e.Classes[slices.Index(others, most)].Name), most)
		}
		fmt.Fprintf(t, "%s\t%d\t%.3f\t%.3f\t%s\n", Printable(r.Name), r.Images, r.Precision, r.Recall, taken)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(e.Classes) > maxText {
		room := "a picture"
		if CheckPicture(len(e.Classes)) != nil {
			room = "JSON"
		}
		_, err := fmt.Fprintf(w, "\nthe confusion matrix of %d classes is too wide to print; %s has room for it\n",
			len(e.Classes), room)
		return err
	}
	fmt.Fprintln(w, "\nconfusion: rows are the labels, columns are the predictions")
	t = tabwriter.NewWriter(w, 0, 0, 1, ' ', tabwriter.AlignRight)
	for c := range e.Classes {
		fmt.Fprintf(t, "\t%d", c)
	}
	fmt.Fprintln(t, "\t")
	for c, r := range e.Classes {
		fmt.Fprintf(t, "%d %s", c, Printable(r.Name))
		for _, n := range e.Confusion[c] {
			fmt.Fprintf(t, "\t%s", map[bool]string{true: ".", false: strconv.Itoa(n)}[n == 0])
		}
		fmt.Fprintln(t, "\t")
	}
	return t.Flush()
}

// maxPicture is the largest number of classes in a picture. Their matrix has 1,000,000 cells, each
// 6 pixels wide. Drawing it took 650 MB, and 25 s on two busy cores.
const maxPicture = 1000

// CheckPicture returns an error if there are more than 1,000 classes, for which a picture of the
// confusion matrix has no room.
func CheckPicture(classes int) error {
	if classes > maxPicture {
		return fmt.Errorf("a picture of the confusion matrix has room for %d classes, and there are %d",
			maxPicture, classes)
	}
	return nil
}
