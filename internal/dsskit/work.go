package dsskit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Work is something that runs inside a started DSS, as its public API shows it.
type Work struct {
	Kind    string // "job", "future" or "notebook"
	ID      string
	Project string
	// Lasts ends it by itself; zero lets it run until it is finished, aborted or DSS stops.
	Lasts time.Duration
	// Stubborn work takes no notice of an abort.
	Stubborn bool
}

// ProjectsEnvironment is the variable that says which projects an installer begins with, separated by commas, or "none", as
// DSS does; those of Projects without it.
const ProjectsEnvironment = "DSSKIT_PROJECTS"

// Projects are the projects that a fresh instance has.
var Projects = []string{"DKU_SALES", "CHURN", "ETUDE_2"}

// StartWork makes the running DSS have some work. It forgets all work when it starts.
func (i *Instance) StartWork(w Work) error {
	started := time.Now()
	text := fmt.Sprintf("kind=%s\nid=%s\nproject=%s\nstate=RUNNING\nstarted=%d\nstubborn=%t\n",
		w.Kind, w.ID, w.Project, started.UnixMilli(), w.Stubborn)
	if w.Lasts > 0 {
		text += fmt.Sprintf("ends=%d\n", started.Add(w.Lasts).UnixMilli())
	}
	path := i.workFile(w)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("start %s %s: %w", w.Kind, w.ID, err)
	}
	if err := os.WriteFile(path+".tmp", []byte(text), 0o644); err != nil {
		return fmt.Errorf("start %s %s: %w", w.Kind, w.ID, err)
	}
	return os.Rename(path+".tmp", path)
}

// FinishWork ends a piece of work well.
func (i *Instance) FinishWork(w Work) error {
	path := i.workFile(w)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("finish %s %s: %w", w.Kind, w.ID, err)
	}
	done := strings.Replace(string(text), "state=RUNNING", "state=DONE", 1)
	if err := os.WriteFile(path+".tmp", []byte(done), 0o644); err != nil {
		return fmt.Errorf("finish %s %s: %w", w.Kind, w.ID, err)
	}
	return os.Rename(path+".tmp", path)
}

func (i *Instance) workFile(w Work) string {
	safe := strings.Map(func(r rune) rune {
		if r == '/' || r == 0 {
			return '_'
		}
		return r
	}, w.ID)
	return filepath.Join(i.DataDir, "run", "dsskit-work", w.Kind+"-"+safe+".work")
}
