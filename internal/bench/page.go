package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/bench/fleet"
)

// page is docs/benchmarks.md.
type page struct {
	Machine   machine
	Rounds    int
	Terraform string // its version; "" where it is not installed
	Results   results
}

func (p page) write(out io.Writer) error {
	var b bytes.Buffer
	w := &writer{&b}
	p.head(w)
	w.table([]string{"what", "to reach", "measured", ""}, func(row func(...string)) {
		for _, t := range targets(p.Results) {
			row(t.What, t.Promised, t.Measured, t.verdict())
		}
	})
	p.method(w)
	r := p.Results
	if r.Startup.Ours.Wall > 0 {
		p.startup(w, r.Startup)
	}
	if len(r.Validate) > 0 {
		p.commands(w, "validate", "`dssctl validate` reads, evaluates and checks the files of 1000 instances. `terraform validate` does so for 1000 `terraform_data` resources.", r.Validate)
	}
	if len(r.Plan) > 0 {
		p.commands(w, "plan", "`plan -detailed-exitcode` of 1000 instances, or 1000 resources, with nothing to do: both end with 0. dssctl has to read the files of each data directory for it; a `terraform_data` resource has nothing behind it to read.", r.Plan)
		p.simulated(w)
	}
	if r.Look != nil {
		p.look(w)
	}
	if len(r.Growth) > 0 {
		p.growth(w)
	}
	if r.Move != nil {
		p.move(w)
	}
	if r.Archive != nil {
		p.archive(w, "Archives", r.Archive)
	}
	if r.Backup != nil {
		p.backup(w, r.Backup)
	}
	if r.Many != nil {
		p.archive(w, "Archives of a million small files", r.Many)
	}
	if len(r.Editor) > 0 {
		p.editor(w)
	}
	_, err := out.Write(b.Bytes())
	return err
}

func (p page) head(w *writer) {
	m := p.Machine
	w.line("# Benchmarks")
	w.line("")
	w.line("<!-- Written by `make bench`: do not edit. -->")
	w.line("")
	w.line("Measured with `make bench`, which measures again on your machine and rewrites this page.")
	w.line("")
	w.line("- Processor: %s, %d cores; memory: %s", m.Processor, m.Cores, m.Memory)
	if m.Hashing != "" {
		w.line("- It computes SHA-256 in hardware (%s)", m.Hashing)
	}
	w.line("- Linux %s; the data directories are on %s; built with %s", m.Kernel, m.Files, m.Go)
	w.line("- Load of the machine when it began: %s (0 is idle: a busy machine shows longer times)", m.Load)
	if p.Terraform == "" {
		w.line("- Terraform is not installed here: there are no figures of a peer.")
	} else {
		w.line("- Beside it: Terraform %s, with the built-in `terraform_data`, the local backend, no network", p.Terraform)
		w.line("  (`CHECKPOINT_DISABLE=1 TF_CLI_CONFIG_FILE=/dev/null TF_IN_AUTOMATION=1`)")
	}
	w.line("")
}

func (p page) method(w *writer) {
	w.line("## How it is measured")
	w.line("")
	w.line("Each figure is of whole processes, from start to end, as an account that is not root: after one run to warm up, the")
	w.line("median of at least %d runs. Where two programs are compared they run in turn (A B A B). Time is wall time; CPU is", p.Rounds)
	w.line("user and system time of all threads; memory is the largest peak resident size that the kernel reported for any of the")
	w.line("runs. Standard output goes to `/dev/null`. In brackets: the fastest and the slowest run.")
	w.line("")
}

func (p page) startup(w *writer, s pair) {
	w.line("## Start-up")
	w.line("")
	w.table([]string{"command", "time", "CPU", "memory"}, func(row func(...string)) {
		row(figureCells("`dssctl version`", s.Ours)...)
		if s.Theirs != nil {
			row(figureCells("`terraform version`", *s.Theirs)...)
		}
	})
	if s.Theirs != nil {
		w.line("Terraform takes %s the time and %.1f × the memory.", ratio(s.Theirs.Wall, s.Ours.Wall), float64(s.Theirs.RSS)/float64(max(s.Ours.RSS, 1)))
		w.line("")
	}
}

func (p page) commands(w *writer, name, about string, pairs map[fleet.Shape]pair) {
	w.line("## %s", name)
	w.line("")
	w.line("%s", about)
	w.line("`flat` is a block for each, `for_each` is one block, in a `chain` each block refers to the one before it.")
	w.line("")
	head := []string{"1000 ×", "dssctl", "CPU", "memory"}
	if p.Terraform != "" {
		head = append(head, "terraform", "CPU", "memory", "takes")
	}
	w.table(head, func(row func(...string)) {
		for _, s := range fleet.Shapes() {
			pr := pairs[s]
			cells := figureCells("`"+string(s)+"`", pr.Ours)
			if p.Terraform != "" && pr.Theirs != nil {
				cells = append(cells, figureCells("", *pr.Theirs)[1:]...)
				cells = append(cells, ratio(pr.Theirs.Wall, pr.Ours.Wall))
			}
			row(cells...)
		}
	})
	if p.Terraform != "" && name == "plan" {
		w.line("The state that Terraform starts from is made by the benchmark, as an apply leaves it: applying the chain takes minutes.")
		w.line("")
	}
}

func (p page) simulated(w *writer) {
	w.line("What is simulated: the question `bin/dss status` of each data directory is answered from memory, in a test build of")
	w.line("dssctl, and starts no process. Everything else is real: 1000 data directories of 6 files (`general-settings.json` of")
	w.line("%d KB), read by the real providers; `node_type`, `port`, `runtime_database`, `general_settings` and `install_ini`", fleet.SettingsSize()/1000)
	w.line("declared as they are; the state with a record of each instance; the plan printed. There is no DSS in the directories.")
	w.line("")
	if f := p.Results.Started; f.Wall > 0 {
		w.line("What the simulation leaves out, on the installed dssctl: with one process of `/bin/sh` for each status, 8 at a time, the")
		w.line("flat plan takes %s (%s … %s; CPU %s of all processes). The real script of DSS starts an interpreter, and takes longer;", seconds(f.Wall), seconds(f.Fastest), seconds(f.Slowest), seconds(f.CPU))
		w.line("`-parallelism` says how many instances are asked at a time.")
		w.line("")
	}
}

func (p page) growth(w *writer) {
	w.line("## plan: growth")
	w.line("")
	w.line("The same plan of more instances. %d blocks of ten ports fit on a machine: the estate of 10,000 declares no ports, shares", fleet.MostPorts)
	w.line("them, and its plan warns of %d overlaps.", 10000-fleet.MostPorts)
	w.line("")
	head := []string{"instances"}
	for _, s := range fleet.Shapes() {
		head = append(head, "`"+string(s)+"`", "memory")
	}
	w.table(head, func(row func(...string)) {
		for _, n := range sizes {
			cells := []string{fmt.Sprint(n)}
			for _, s := range fleet.Shapes() {
				f := p.Results.Growth[s][n]
				cells = append(cells, seconds(f.Wall), mebibytes(f.RSS))
			}
			row(cells...)
		}
	})
}

func (p page) move(w *writer) {
	m := p.Results.Move
	w.line("## The move to PostgreSQL: dssctl's own time")
	w.line("")
	w.line("`dssctl apply -auto-approve` of `examples/single`: a simulated DSS with real H2 databases, a real PostgreSQL on the same")
	w.line("machine. The scripts `bin/dss` and `bin/dssadmin` are wrapped, so that each notes when it began and ended, and the")
	w.line("address that DSS answers on is asked every 10 ms. dssctl's own time is the time of the whole process without that in")
	w.line("which one of DSS's commands ran, and without that from the end of `dss start` until DSS answered. Starting a process,")
	w.line("journalling to disk, the safety backup, questions to PostgreSQL and the pauses of waiting are dssctl's own.")
	w.line("")
	w.line("Medians of %d runs; each was rolled back, after a plan that was empty.", m.Rounds)
	w.line("")
	w.table([]string{"what", "time", "dssctl's own"}, func(row func(...string)) {
		var sum time.Duration
		for _, a := range m.Actions {
			row(a.Title, seconds(a.Wall), seconds(a.Own))
			sum += a.Own
		}
		row("between the actions, and the end", "", seconds(max(0, m.Own-sum)))
		row("**all**", seconds(m.Wall), fmt.Sprintf("**%s** (at most %s)", seconds(m.Own), seconds(m.Worst)))
		row("of it in the actions that ask PostgreSQL", "", seconds(m.Queries))
	})
}

func (p page) editor(w *writer) {
	w.line("## lsp")
	w.line("")
	w.line("A scripted editor has the file of 1000 instances open and makes and undoes a mistake in the middle of it: the time from")
	w.line("the change until the diagnostics of that version are there, with the 15 ms that `dssctl lsp` waits for further keys, and")
	w.line("the time to the answer of a question for completion that comes right behind a change. Medians of %d changes.", 10*p.Rounds-2)
	w.line("")
	w.table([]string{"1000 ×", "diagnostics", "completion", "memory"}, func(row func(...string)) {
		for _, s := range fleet.Shapes() {
			e := p.Results.Editor[s]
			row("`"+string(s)+"`", spread(e.Change), spread(e.Complete), mebibytes(e.RSS))
		}
	})
}

func spread(f figure) string {
	return fmt.Sprintf("%s (%s … %s)", seconds(f.Wall), seconds(f.Fastest), seconds(f.Slowest))
}

// figureCells are name, time, CPU and memory.
func figureCells(name string, f figure) []string {
	return []string{name, spread(f), seconds(f.CPU), mebibytes(f.RSS)}
}

// writer writes Markdown.
type writer struct{ b *bytes.Buffer }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w.b, format+"\n", args...) }

func (w *writer) table(head []string, rows func(row func(...string))) {
	row := func(cells ...string) { w.line("| %s |", strings.Join(cells, " | ")) }
	row(head...)
	w.line("|%s", strings.Repeat("---|", len(head)))
	rows(row)
	w.line("")
}
