package release

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/volume"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// rehearser performs release.rehearse: what would fail once DSS is down is tried
// while it runs. The documented way to have a kit check the machine is to install
// from it; so it is, into a scratch folder that is removed again.
type rehearser struct{}

const rehearsalTimeout = time.Hour

func (rehearser) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (rehearser) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if version, err := kitVersion(c.Kit); err != nil || version != c.Version {
		return errors.Join(err, fmt.Errorf("the kit %s is of version %q and not of %s", c.Kit, version, c.Version))
	}
	state, _, err := c.Instance.State(ctx)
	if err != nil {
		return err
	}
	if state == dss.ServiceStopped {
		if err := c.portsFree(); err != nil {
			return err
		}
	}
	if c.Dump {
		if err := c.checkDump(ctx); err != nil {
			return err
		}
	}
	if !c.Scratch {
		return nil
	}
	return c.rehearse(ctx)
}

// rehearse installs into a scratch folder.
func (c *call) rehearse(ctx context.Context) (err error) {
	above, err := c.Instance.EnsureCompanion("rehearsal")
	if err != nil {
		return err
	}
	scratch := filepath.Join(above, c.Run)
	if err := removeTree(scratch); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeTree(above)) }()
	port, err := unusedPorts()
	if err != nil {
		return err
	}
	c.Progress(event.Progress{Unit: "seconds", Note: "installing the kit into a scratch folder"})
	_, err = c.Instance.Runner().Run(ctx, proc.Cmd{
		Path: filepath.Join(c.Kit, installerFile), Dir: above, Env: c.installerEnv(), Keep: c.Instance.Keep(), Timeout: rehearsalTimeout,
		Args: append([]string{"-d", scratch, "-p", strconv.Itoa(port), "-t", c.NodeType, "-y"}, c.pythonArgs()...),
	})
	if err != nil {
		return fmt.Errorf("rehearse the installer of %s in a scratch folder: %w%s", c.Version, err, dependencyHint(err, c.Kit))
	}
	return nil
}

// installerEnv names the Java to be used.
func (c *call) installerEnv() []string {
	if c.JavaHome == "" {
		return nil
	}
	return []string{"JAVA_HOME=" + c.JavaHome}
}

func (c *call) pythonArgs() []string {
	if c.Python == "" {
		return nil
	}
	return []string{"-P", c.Python}
}

// dependencyHint repeats the command that the installer asks for.
func dependencyHint(err error, kit string) string {
	var e *proc.ExitError
	if !errors.As(err, &e) {
		return ""
	}
	for line := range strings.Lines(e.Stdout + "\n" + e.Stderr) {
		if strings.Contains(line, "install-deps.sh") {
			return "\nhint: run this as root, then plan again: " + strings.TrimSpace(line)
		}
	}
	return ""
}

// unusedPorts finds ten ports that nobody listens on.
func unusedPorts() (int, error) {
	taken, err := dss.Listeners("/proc/net")
	if err != nil {
		return 0, fmt.Errorf("look for unused ports: %w", err)
	}
	for range 100 {
		base := 20000 + 10*rand.IntN(4000)
		if len(among(taken, base)) == 0 {
			return base, nil
		}
	}
	return 0, errors.New("no ten consecutive ports between 20000 and 60000 are free")
}

// among are the taken ones of an instance's ten ports.
func among(taken map[int]bool, base int) []string {
	var out []string
	for p := base; p < base+10; p++ {
		if taken[p] {
			out = append(out, strconv.Itoa(p))
		}
	}
	return out
}

// portsFree makes sure that nobody else has taken the ports of a stopped DSS.
func (c *call) portsFree() error {
	taken, err := dss.Listeners("/proc/net")
	if err != nil {
		return err
	}
	if ports := among(taken, c.Port); len(ports) > 0 {
		return fmt.Errorf("DSS is stopped, and somebody else listens on its ports %s (of %d to %d): DSS would not start; end that program, or give the instance another port",
			strings.Join(ports, ", "), c.Port, c.Port+9)
	}
	return nil
}

// checkDump makes sure that the databases can be dumped, and that there is room
// for what the dump takes at the least.
func (c *call) checkDump(ctx context.Context) error {
	d, err := c.dumpOf()
	if err != nil {
		return err
	}
	info, err := c.tools().CheckDump(ctx, pg.Dump{Login: d.Login, Place: d.Place, Whole: d.Whole})
	if err != nil {
		return err
	}
	return c.roomForDump(info.OnDisk())
}

// roomForDump refuses where tables of this size could not be dumped.
func (c *call) roomForDump(onDisk int64) error {
	// How far rows can be compressed shows in the end: what is refused here
	// would not fit though they were well compressed. Less is undone later.
	const ratio, reserve = 8, 16 << 20
	need := onDisk/ratio + reserve
	free, err := volume.Free(c.runFolder())
	if err != nil {
		return err
	}
	if free < need {
		return fmt.Errorf("the dump of the runtime databases needs at least %s (their tables take %s on the server) and %s has %s free: free some, or set the instance's attribute companion_dir to a folder on a larger volume",
			humanize.Bytes(need), humanize.Bytes(onDisk), c.Instance.Companion(), humanize.Bytes(free))
	}
	return nil
}

func (rehearser) Verify(context.Context, *providers.Call) error { return nil }

func (rehearser) Undo(_ context.Context, pc *providers.Call) error {
	return removeTree(filepath.Join(pc.Instance.Companion(), "rehearsal"))
}
