// Command measure times commands as child processes: it reads a Request on
// standard input and prints a Report. It is a program of its own and small,
// because Linux counts to a child's peak memory what its parent had when it was
// started.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/dssctl/dssctl/internal/bench/measure/timing"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var req timing.Request
	if err := json.NewDecoder(in).Decode(&req); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	report, err := timing.Run(req)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(report)
}
