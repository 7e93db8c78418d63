package dss

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/internal/proc"
)

// RunInstaller runs KIT/installer.sh -d DATA_DIR with these arguments. DSS must
// be stopped: the installer does not look, and run on a living DSS it leaves one
// that cannot be stopped any more. It has no terminal to ask at.
func (in *Instance) RunInstaller(ctx context.Context, kit string, args ...string) (proc.Result, error) {
	return in.RunInstallerWith(ctx, kit, nil, args...)
}

// InstallFresh runs the kit's installer for a data directory that is not there,
// or that is empty. javaHome is the Java to use, "" for the machine's own.
func (in *Instance) InstallFresh(ctx context.Context, kit, javaHome string, args ...string) (proc.Result, error) {
	var env []string
	if javaHome != "" {
		env = append(env, "JAVA_HOME="+javaHome)
	}
	return in.RunInstallerWith(ctx, kit, env, args...)
}

// RunInstallerWith is RunInstaller with more in its environment, such as
// JAVA_HOME.
func (in *Instance) RunInstallerWith(ctx context.Context, kit string, env []string, args ...string) (proc.Result, error) {
	path := filepath.Join(kit, "installer.sh")
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return proc.Result{ExitCode: -1}, fmt.Errorf("the kit %s has no installer.sh: give the folder that a dataiku-dss-VERSION.tar.gz was unpacked to", kit)
	}
	if err := in.mustBeStopped(ctx, in.DataDir); err != nil {
		return proc.Result{ExitCode: -1}, err
	}
	if err := in.writesInside(); err != nil {
		return proc.Result{ExitCode: -1}, fmt.Errorf("run the installer of the kit %s: %w", kit, err)
	}
	dir := in.DataDir
	if !there(dir) {
		dir = filepath.Dir(dir) // the installer makes it
	}
	return in.o.Runner.Run(ctx, proc.Cmd{
		Path: path, Args: append([]string{"-d", in.DataDir}, args...), Dir: dir, Env: append(in.environment(), env...), Keep: in.Keep(), Timeout: adminTimeout,
	})
}
