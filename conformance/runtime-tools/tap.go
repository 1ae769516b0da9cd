// Package tap writes the Test Anything Protocol, version 13, with the calls that
// the validation suite makes of github.com/mndrix/tap-go, which Debian does not
// have. It was written for that from the suite's calls alone.
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

// T is a stream of points.
type T struct {
	points *int
	mark   string
	out    io.Writer
}

// New returns a stream that goes to standard output.
func New() *T {
	return &T{points: new(int), mark: "-", out: os.Stdout}
}

// Header begins the stream; a plan of 0 is told at the end.
func (t *T) Header(plan int) {
	fmt.Fprintln(t.out, "TAP version 13")
	if plan > 0 {
		fmt.Fprintf(t.out, "1..%d\n", plan)
	}
}

// AutoPlan tells how many points there were.
func (t *T) AutoPlan() { fmt.Fprintf(t.out, "1..%d\n", *t.points) }

// Ok is a point.
func (t *T) Ok(passed bool, text string) {
	verdict := "not ok"
	if passed {
		verdict = "ok"
	}
	t.point(verdict, t.mark, text)
}

// Pass is a point that passed.
func (t *T) Pass(text string) { t.Ok(true, text) }

// Fail is a point that did not.
func (t *T) Fail(text string) { t.Ok(false, text) }

// Skip is a number of points that were not looked at.
func (t *T) Skip(count int, reason string) {
	for i := 0; i < count; i++ {
		t.point("ok", "# SKIP", reason)
	}
}

// Todo returns the stream for points that are not expected to pass.
func (t *T) Todo() *T {
	return &T{points: t.points, mark: "# TODO", out: t.out}
}

func (t *T) point(verdict, mark, text string) {
	*t.points++
	oneLine := strings.Join(strings.Fields(text), " ")
	fmt.Fprintf(t.out, "%s %d %s %s\n", verdict, *t.points, mark, oneLine)
}

// Diagnostic is a comment.
func (t *T) Diagnostic(text string) {
	fmt.Fprintf(t.out, "# %s\n", strings.ReplaceAll(text, "\n", "\n# "))
}

// Diagnosticf is a comment.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML is a block with a line for each key, whose value is JSON.
func (t *T) YAML(value interface{}) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var pairs map[string]json.RawMessage
	if err := json.Unmarshal(text, &pairs); err != nil {
		return err
	}
	keys := make([]string, 0, len(pairs))
	for key := range pairs {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	fmt.Fprintln(t.out, "  ---")
	for _, key := range keys {
		fmt.Fprintf(t.out, "  %s: %s\n", key, pairs[key])
	}
	fmt.Fprintln(t.out, "  ...")
	return nil
}
