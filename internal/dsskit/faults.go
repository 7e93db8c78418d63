package dsskit

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// Fault is something that goes wrong in an instance or kit. Faults are listed, as "name" or "name=value" separated by
// blanks, commas or lines, in the environment variable DSSKIT_FAULTS, in run/dsskit-faults of a data directory, or in
// dsskit-faults of a kit; they are read anew each time, so that a running instance follows.
type Fault string

// The faults, each with the meaning of its value.
const (
	// InstallerFail makes installer.sh fail at a step: dependencies, folders, backup, environment, pyenv, config
	// (where no value is given) or version.
	InstallerFail Fault = "installer-fail"
	// InstallerKill kills installer.sh at a step, named as for InstallerFail.
	InstallerKill Fault = "installer-kill"
	// InstallerSlow makes each step of installer.sh take a time ("500ms"; one second where no value is given).
	InstallerSlow Fault = "installer-slow"
	// MissingDependencies makes installer.sh stop with the command that installs system packages; its value is
	// what is said to be missing. Skipped with -n.
	MissingDependencies Fault = "missing-dependencies"

	// CopyFail breaks copy-databases-to-external half-way: some tables are full, one is half full, the rest absent.
	CopyFail Fault = "copy-fail"
	// CopyRefuse makes copy-databases-to-external fail before it did anything.
	CopyRefuse Fault = "copy-refuse"
	// CopySlow spreads copy-databases-to-external over at least a time ("5s").
	CopySlow Fault = "copy-slow"
	// CopyIncomplete leaves half of the last table out, and ends with success all the same.
	CopyIncomplete Fault = "copy-incomplete"

	// StartFatal makes the backend end at once at each start, so that the supervisor gives up on it.
	StartFatal Fault = "start-fatal"
	// StartHang lets the backend run and never become ready.
	StartHang Fault = "start-hang"
	// StartSlow is the time between the opened databases and readiness ("2s"); 300 ms without it.
	StartSlow Fault = "start-slow"
	// StopSlow is the time that the backend takes to stop ("3s").
	StopSlow Fault = "stop-slow"
	// StopStuck makes the backend ignore the order to stop, as long as the fault is on. "bin/dss stop" waits for ever,
	// or, with a value ("2s"), gives up and fails after it.
	StopStuck Fault = "stop-stuck"
	// AfterStop is a program that "bin/dss stop" runs when everything has stopped, with the data directory as its
	// argument: what somebody else does to an instance in the middle of a window. No blank may be in its path.
	AfterStop Fault = "after-stop"
	// RequiresAuthentication makes each run of the installer or of regenerate-config change the supervisor's password,
	// which locks the commands out of a DSS that runs meanwhile. Without it, the seed decides.
	RequiresAuthentication Fault = "requires-authentication"

	// EncryptFail makes encrypt-password fail.
	EncryptFail Fault = "encrypt-fail"
	// RegenerateFail makes regenerate-config fail.
	RegenerateFail Fault = "regenerate-fail"
	// ReplayFail makes the install-… and build-base-image commands fail.
	ReplayFail Fault = "replay-fail"

	// DiskFull makes the installer and the dssadmin commands fail where they write, and the backend die.
	DiskFull Fault = "disk-full"
	// CorruptH2 overwrites the head of the first H2 file at the next start.
	CorruptH2 Fault = "corrupt-h2"

	// ExportCut breaks the export of a project off half-way: behind a length that was announced, with "quiet" so that the
	// answer looks ended, with "die" because the backend dies.
	ExportCut Fault = "export-cut"
	// UploadRefuse makes the upload of a project's archive fail, with "html" by a page of the web server.
	UploadRefuse Fault = "upload-refuse"
	// ImportRefuse makes DSS answer that it did not import a project, the one named or any. So do the next.
	ImportRefuse Fault = "import-refuse"
	// ImportHalf imports a part of a project and fails.
	ImportHalf Fault = "import-half"
	// ImportLost imports nothing and says that it did.
	ImportLost Fault = "import-lost"
	// ImportHTML imports a project, and the answer is a page of the web server: it took too long.
	ImportHTML Fault = "import-html"
	// ImportSlow makes an import take a time ("5s").
	ImportSlow Fault = "import-slow"

	// SettingsRewriteAtStart makes the backend rewrite general-settings.json once at its start, with one unrelated key
	// changed.
	SettingsRewriteAtStart Fault = "settings-rewrite-at-start"
	// SettingsRewrite makes the running backend rewrite general-settings.json every 300 ms.
	SettingsRewrite Fault = "settings-rewrite"
)

// FaultsEnvironment is the variable that switches faults on for the commands started with it.
const FaultsEnvironment = "DSSKIT_FAULTS"

// Faults are the faults that are on, each with its value; "" where it needs none.
type Faults map[Fault]string

// String spells the faults as DSSKIT_FAULTS and the fault files hold them.
func (f Faults) String() string {
	words := make([]string, 0, len(f))
	for name, value := range f {
		word := string(name)
		if value != "" {
			word += "=" + value
		}
		words = append(words, word)
	}
	sort.Strings(words)
	return strings.Join(words, ",")
}

// Environ spells the faults as a line of an environment.
func (f Faults) Environ() string {
	return FaultsEnvironment + "=" + f.String()
}

// For spells a length of time as the value of a fault.
func For(d time.Duration) string {
	return fmt.Sprintf("%dms", d.Milliseconds())
}

// SetKitFaults replaces the faults of a kit: they hold for every instance installed from it, and also before there is
// a data directory.
func SetKitFaults(kitDir string, faults Faults) error {
	return writeFaults(filepath.Join(kitDir, "dsskit-faults"), faults)
}

func writeFaults(path string, faults Faults) error {
	if len(faults) == 0 {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("switch off the faults: %w", err)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("switch faults on: %w", err)
	}
	temporary := path + ".tmp"
	if err := os.WriteFile(temporary, []byte(faults.String()+"\n"), 0o644); err != nil {
		return fmt.Errorf("switch faults on: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("switch faults on: %w", err)
	}
	return nil
}
