package exclude

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Class is a named set of top-level folders.
type Class struct {
	Name string
	// Doc is a sentence for the reference page.
	Doc string
	// Folders keep no content. One with a star stands for all that match.
	Folders []string
	// Thinned keep their own folders, empty, and no file. DSS's processes have
	// their places there (run), and pid files and sockets of another time must
	// not come back.
	Thinned []string
}

// All returns every folder that the class names.
func (c Class) All() []string { return append(slices.Clone(c.Thinned), c.Folders...) }

// Classes returns the classes in the order of the documentation, from what is
// safe to leave out to what asks for caution.
func Classes() []Class {
	return []Class{
		{
			Name:    "temporary",
			Doc:     "Temporary data and caches, which DSS makes again by itself.",
			Folders: []string{"tmp", "caches", "data-catalog"},
		},
		{
			Name:    "logs",
			Doc:     "Logs of DSS, of jobs and of scenarios, and diagnoses. The audit log in run/audit is one of them.",
			Folders: []string{"jobs", "scenarios", "diagnosis"},
			Thinned: []string{"run"},
		},
		{
			Name:    "exports",
			Doc:     "What was exported already (users' exports, bundles, API node packages), and the copies that upgrades left.",
			Folders: []string{"exports", "prepared_bundles", "apinode-packages", "_pre_migration_backup_*"},
		},
		{
			Name: "rebuildable",
			Doc:  "What DSS built and can build again, given its sources and time: managed datasets, analyses, saved models. Be cautious: a deployed model cannot always be built the same again.",
			// The documentation writes analysis_data, and the folder is
			// analysis-data.
			Folders: []string{"managed_datasets", "analysis-data", "analysis_data", "saved_models"},
		},
	}
}

// ClassNames returns the names of the classes.
func ClassNames() []string {
	var names []string
	for _, c := range Classes() {
		names = append(names, c.Name)
	}
	return names
}

func classNamed(name string) Class {
	for _, c := range Classes() {
		if c.Name == name {
			return c
		}
	}
	return Class{}
}

// CheckClass says what is wrong with the name of a class.
func CheckClass(name string) error {
	if classNamed(name).Name != "" {
		return nil
	}
	what := fmt.Sprintf("exclude: there is no class %q; the classes are %s", name, strings.Join(ClassNames(), ", "))
	for _, c := range Classes() {
		if levenshtein.Distance(name, c.Name, nil) <= 2 {
			return fmt.Errorf("%s; did you mean %s?", what, c.Name)
		}
		if slices.Contains(c.All(), name) {
			return fmt.Errorf("%s; the folder %s is in class %s, or write it as a path", what, name, c.Name)
		}
	}
	if isProtected(name) {
		return fmt.Errorf("%s; %s cannot be left out: DSS does not start without it", what, name)
	}
	return fmt.Errorf("%s; a folder of your own is left out by its path", what)
}

// protected are the top-level names that stay whole in every backup: the
// instance is lost without them.
var protected = []string{
	"config", "databases", "timelines", "security", "bin",
	"install.ini", "dss-version.json", "instance-id.txt",
}

// Protected returns the top-level names that no rule leaves out, nor anything
// below them.
func Protected() []string { return slices.Clone(protected) }

func isProtected(first string) bool { return slices.Contains(protected, first) }

// Needed reports whether a path, relative to the data directory, is or lies
// below a name that every set must hold whole.
func Needed(rel string) bool {
	first, _, _ := strings.Cut(rel, "/")
	return isProtected(first)
}
