// Package progress prints the progress of a training run, for every command that trains.
package progress

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"wgnin/cmd/internal/cli"
	"wgnin/gpu"
	"wgnin/nin/run"
	"wgnin/nn"
)

// Progress prints a run on stdout. On a terminal, it draws a bar for each epoch; elsewhere, it
// prints a plain line at intervals. It also prints a line for each finished epoch.
type Progress struct {
	w        io.Writer // for all but the last line; discards with -quiet
	run      *run.Run
	dev      *gpu.Device
	bar      bool // a bar is on the terminal
	terminal bool
	color    bool
	verbose  bool

	created time.Time
	start   time.Time // end of the first step, which compiles the kernels
	images  int       // since start
	steps   int
	shown   time.Time
	stepped time.Time // end of the last step
	last    nn.Step
	told    bool    // the estimate was printed
	host    float64 // seconds in the finished epochs
	kernels time.Duration
	waited  time.Duration // for other ranks, in the finished epochs
}

// New returns the Progress of run. With quiet, it prints only the last line; with verbose, also
// memory and times.
func New(run *run.Run, dev *gpu.Device, quiet, verbose bool) *Progress {
	p := &Progress{w: os.Stdout, run: run, dev: dev, verbose: verbose, created: time.Now()}
	p.terminal = cli.Terminal(os.Stdout)
	p.color = p.terminal && os.Getenv("NO_COLOR") == "" // no-color.org
	if quiet {
		p.w, p.terminal = io.Discard, false
	}
	return p
}

// ANSI codes for text styles.
const (
	bold   = 1
	green  = 32
	yellow = 33
	cyan   = 36
)

func (p *Progress) paint(color int, text string) string {
	if !p.color {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", color, text)
}

// line prints a line that begins with a name for its content.
func (p *Progress) line(name, format string, args ...any) {
	p.Clear()
	fmt.Fprintf(p.w, "%s %s\n", p.paint(cyan, fmt.Sprintf("%-8s", name)), cli.Line(fmt.Sprintf(format, args...)))
}

// Header prints what runs and, if verbose, how long the start took.
func (p *Progress) Header(open, prepare time.Duration) {
	s, t := p.run.Settings, p.run.Trainer
	p.line("adapter", "%s", p.dev.Adapter())
	if p.dev.Adapter().Class == gpu.Software {
		p.line("", "a software adapter: kernels run on the processor's cores, not on a GPU")
		if missed := p.dev.MissedGPU(); missed != "" {
			p.line("", "%s", missed)
		}
	}
	p.line("recipe", "%s: %s", s.Recipe, p.run.Recipe.About)
	flop := fmt.Sprintf("%.2f GFLOP", float64(t.Flops())/float64(t.Batch())/1e9)
	if flop == "0.00 GFLOP" {
		flop = fmt.Sprintf("%.2f MFLOP", float64(t.Flops())/float64(t.Batch())/1e6)
	}
	learning := ""
	if n := p.run.Net.Learning(); n < p.run.Net.Params() {
		learning = fmt.Sprintf(" (%d of them trainable)", n)
	}
	p.line("network", "%d parameters%s, input %s, %s for a training step of one image", p.run.Net.Params(), learning,
		p.run.Net.In.Batch(1), flop)
	parts := ""
	if s.Shards > 1 {
		parts = fmt.Sprintf(" in %d shards", s.Shards)
	}
	shares := p.run.Found.Shares
	if shares != nil {
		parts = " in shares of " + strings.Trim(strings.ReplaceAll(fmt.Sprint(shares), " ", ":"), "[]")
	}
	if ranks := p.run.Net.Ranks(); ranks != nil {
		parts += fmt.Sprintf(" on %d ranks", ranks.Size())
	}
	if shares != nil {
		parts += " (measured; the last bits depend on them)"
	}
	if t.MicroBatch() < t.Batch() {
		how := "with the same gradient"
		if p.run.Net.HasState() {
			how = "each part normalised separately"
		}
		parts += fmt.Sprintf(", %d at a time, %s", t.MicroBatch(), how)
	}
	p.line("steps", "%d of %d images%s", t.Total(), t.Batch(), parts)
	p.line("files", "%s", p.run.Dir)
	switch {
	case p.run.Finished():
		p.line("resumed",
			"after step %d, its last: the run had finished; to train longer, begin a new one from its weights: -init %s -epochs N",
			p.run.Start, cli.Quote(p.run.Dir+"/model.safetensors"))
	case p.run.Start > 0:
		p.line("resumed", "after step %d", p.run.Start)
	}
	if p.run.Note != "" {
		p.line("note", "%s", p.run.Note)
	}
	if p.verbose {
		p.line("start", "%.2f s for the adapter, %.2f s for images, weights and plans", open.Seconds(),
			prepare.Seconds())
		buffers, bytes := p.dev.Usage()
		var host runtime.MemStats
		runtime.ReadMemStats(&host)
		p.line("memory",
			"%.1f MB in %d buffers on the device, including %.1f MB of activations and gradients; %.1f MB on the host",
			float64(bytes)/1e6, buffers, float64(t.ArenaBytes())/1e6, float64(host.Sys)/1e6)
	}
}

// Show prints an event of the run.
func (p *Progress) Show(e run.Event) {
	switch {
	case e.Step != nil:
		p.step(*e.Step)
	case e.Test != nil:
		p.test(e.Test.Images)
	case e.Epoch != nil:
		p.epoch(*e.Epoch)
	case e.End != nil:
		p.end(*e.End)
	case e.Warning != "":
		p.Clear()
		fmt.Fprintln(os.Stderr, p.paint(yellow, "warning: "+e.Warning+"; try a smaller -lr, or another -seed"))
	}
}

func (p *Progress) step(s nn.Step) {
	p.last, p.stepped = s, time.Now()
	p.steps++
	if p.steps == 1 {
		p.start = p.stepped
		if p.verbose {
			p.line("", "%.2f s for the first step, which compiles the kernels", p.start.Sub(p.created).Seconds())
		}
	} else {
		p.images += s.Images
	}
	elapsed := p.stepped.Sub(p.start)
	t := p.run.Trainer
	if !p.told && p.steps > 1 && (elapsed > 3*time.Second || s.Step == t.Total()) {
		p.told = true
		p.estimate(elapsed)
	}
	every := 10 * time.Second
	if p.terminal {
		every = 200 * time.Millisecond
	}
	perEpoch := t.StepsPerEpoch()
	ended := s.Step%perEpoch == 0
	due := p.steps == 1 || p.stepped.Sub(p.shown) >= every || p.terminal && ended
	if !due {
		return
	}
	p.shown = p.stepped
	parts := []string{fmt.Sprintf("step %d/%d", s.Step, t.Total()), fmt.Sprintf("loss %.4f", s.Loss)}
	if p.steps > 1 {
		left := elapsed / time.Duration(p.steps-1) * time.Duration(t.Total()-s.Step)
		parts = append(parts, fmt.Sprintf("%.1f images/s", float64(p.images)/elapsed.Seconds()),
			fmt.Sprintf("%s left", left.Round(time.Second)))
	}
	if !p.terminal {
		fmt.Fprintln(p.w, strings.Join(parts, ", "))
		return
	}
	// The bar is about the epoch, the text after it about the run.
	parts = append([]string{fmt.Sprintf("epoch %d/%d", s.Epoch+1, p.run.Settings.Epochs)}, parts...)
	if p.steps > 1 {
		parts[len(parts)-1] += " in all"
	}
	if ended {
		parts = append(parts[:1], "testing")
	}
	p.draw(parts, (s.Step-1)%perEpoch+1, perEpoch)
}

// test shows how many of the test images are done.
func (p *Progress) test(images int) {
	if p.bar && time.Since(p.shown) >= 200*time.Millisecond {
		p.shown = time.Now()
		p.draw([]string{fmt.Sprintf("epoch %d/%d", p.last.Epoch+1, p.run.Settings.Epochs), "testing"}, images,
			p.run.TestImages.Len())
	}
}

// draw prints a bar with the parts beside it. It makes a new bar each time and prints it as a
// string, because a bar prints itself twice, once when its text changes and once when its number
// does, and not at all once it is full.
func (p *Progress) draw(parts []string, done, of int) {
	theme := progressbar.Theme{Saucer: "█", SaucerPadding: " ", BarStart: "▕", BarEnd: "▏"}
	if p.color {
		theme.BarStart, theme.BarEnd = "▕[green]", "[reset]▏"
	}
	bar := progressbar.NewOptions(of, progressbar.OptionSetWriter(io.Discard), progressbar.OptionFullWidth(),
		progressbar.OptionShowDescriptionAtLineEnd(), progressbar.OptionSetTheme(theme),
		progressbar.OptionEnableColorCodes(p.color),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetDescription(fit(parts)))
	_ = bar.Set(done)
	p.bar = true
	fmt.Fprint(p.w, cli.ClearLine, bar)
}

// fit joins as many of the parts as leave room for the bar in a line of the terminal, but at least
// the first.
func fit(parts []string) string {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width == 0 {
		width = 80
	}
	const bar = 18 // with its percentage
	text := parts[0]
	for _, p := range parts[1:] {
		if len(text)+len(", ")+len(p) > width-bar {
			break
		}
		text += ", " + p
	}
	return text
}

// estimate prints how long the run takes at the rate so far.
func (p *Progress) estimate(elapsed time.Duration) {
	perImage := elapsed.Seconds() / float64(p.images)
	epoch := time.Duration(perImage * float64(p.run.TrainImages.Len()) * float64(time.Second))
	t, s := p.run.Trainer, p.run.Settings
	text := fmt.Sprintf("%s an epoch, %s for all %d, tests aside", round(epoch), round(epoch*time.Duration(s.Epochs)),
		s.Epochs)
	if t.Total() < s.Epochs*t.StepsPerEpoch() { // -steps ends the run early: print what the whole recipe would take
		text = fmt.Sprintf("%s an epoch, %s for the recipe's %d, tests aside", round(epoch),
			round(epoch*time.Duration(p.run.Recipe.Epochs)), p.run.Recipe.Epochs)
	}
	p.line("estimate", "%s", text)
}

func round(d time.Duration) time.Duration {
	if d > time.Hour {
		return d.Round(time.Minute)
	}
	return d.Round(time.Second)
}

func (p *Progress) epoch(e run.Epoch) {
	p.Clear()
	p.bar = false
	fmt.Fprintf(p.w, "%s train loss %.4f, test loss %.4f, test accuracy %s, %.0f images/s\n",
		p.paint(bold, fmt.Sprintf("epoch %d:", e.Epoch)),
		e.TrainLoss, e.TestLoss, p.paint(green, fmt.Sprintf("%.4f", e.TestAccuracy)), e.ImagesPerSecond)
	if !p.verbose || p.steps == 0 { // without steps here, the epoch ended before the run was resumed
		return
	}
	host := p.run.Trainer.HostSeconds()
	kernels := "-profile measures the kernels"
	if ts := p.dev.Timings(); ts != nil {
		var total time.Duration
		for _, t := range ts {
			total += t.Total
		}
		kernels = fmt.Sprintf("%.2f s in kernels", (total - p.kernels).Seconds())
		p.kernels = total
	}
	wait := "" // Mesa's queue accepts a step only when the previous one is done
	if p.dev.Adapter().Class == gpu.Software {
		wait = " and waiting for it"
	}
	p.line("",
		"%.2f s of training; filling the queue%s took the host %.2f%% of this; %.2f s for test and checkpoint; %s",
		e.Seconds, wait, 100*(host-p.host)/e.Seconds, time.Since(p.stepped).Seconds(), kernels)
	p.host = host
	if bytes, waited := p.run.Trainer.Exchanged(); bytes > 0 {
		p.line("",
			"%.2f MB sent to other ranks per step; the host spent %.2f s on sending, receiving and waiting for them",
			float64(bytes)/1e6, (waited - p.waited).Seconds())
		p.waited = waited
	}
}

// end prints the results of the run. The last line is printed even with -quiet.
func (p *Progress) end(e run.End) {
	p.Clear()
	if p.steps > 0 {
		fmt.Fprintf(p.w, "step %d, loss %.4f\n", e.Step, p.last.Loss)
	}
	if e.Early {
		p.line("ended", "early: no test accuracy above that of epoch %d in %d epochs", e.BestEpoch,
			p.run.Settings.Patience)
	}
	if e.BestEpoch > 0 {
		p.line("best", "%s/checkpoint/best.safetensors, epoch %d, test accuracy %.4f", p.run.Dir, e.BestEpoch, e.Best)
	}
	p.w = os.Stdout
	p.line("weights", "%s/model.safetensors, hash %.16s", p.run.Dir, e.Hash)
}

// Clear erases the bar, so that an error can be printed.
func (p *Progress) Clear() {
	if p.bar {
		fmt.Fprint(p.w, cli.ClearLine)
	}
}

// Stopped prints how to continue a stopped run with a command such as go run ./cmd/train.
func (p *Progress) Stopped(command string) {
	p.w = os.Stdout
	p.line("stopped", "after step %d; %s", max(p.last.Step, p.run.Start), p.goOn(command))
}

// Failed erases the bar and returns the error that ended the run. Unless the run diverged, the
// error also says how to continue it with a command such as go run ./cmd/train.
func (p *Progress) Failed(command string, err error) error {
	p.Clear()
	if errors.Is(err, nn.ErrDiverged) {
		return err
	}
	return fmt.Errorf("%w; %s", err, p.goOn(command))
}

// goOn returns the text that says how to continue the run with a command.
func (p *Progress) goOn(command string) string {
	text := fmt.Sprintf("continue with: %s -resume %s", command, cli.Quote(p.run.Dir))
	if p.run.Net.Ranks() != nil { // such as --host, which the processes cannot see
		text += ", and the other options of that launcher"
	}
	return text
}
