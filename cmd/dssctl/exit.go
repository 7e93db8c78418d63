package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

// The exit codes.
const (
	exitOK          = 0
	exitError       = 1
	exitChanges     = 2
	exitFormat      = 3
	exitPartial     = 4
	exitRefused     = 5
	exitRolledBack  = 6
	exitLocked      = 11
	exitInterrupted = 130
	exitTerminated  = 143
)

// codeError ends dssctl with a code. Its text is empty where everything has
// been said already.
type codeError struct {
	code int
	text string
}

func (e *codeError) Error() string { return e.text }

// refused says why something is not done; nothing was done.
func refused(format string, args ...any) error {
	return &codeError{exitRefused, fmt.Sprintf(format, args...)}
}

// exitCode is the one place where errors become exit codes.
func exitCode(err error, signal syscall.Signal) int {
	var (
		code        *codeError
		stale       *executor.StaleError
		elsewhere   *executor.ElsewhereError
		open        *executor.OpenRunError
		no          *executor.RefusedError
		loss        *executor.LossError
		foreseen    *executor.PreflightError
		failed      *executor.FailedError
		interrupted *executor.InterruptedError
		locked      *state.LockedError
		instance    *dss.LockedError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return code.code
	case errors.As(err, &interrupted) && interrupted.Status.Open():
		return exitPartial
	case errors.As(err, &interrupted), (errors.Is(err, context.Canceled) || errors.Is(err, errAborted)) && signal != 0:
		if signal == syscall.SIGTERM || signal == syscall.SIGHUP {
			return exitTerminated
		}
		return exitInterrupted
	case errors.As(err, &failed) && failed.Status == state.RolledBack:
		return exitRolledBack
	case errors.As(err, &failed):
		return exitPartial
	case errors.As(err, &stale), errors.As(err, &elsewhere), errors.As(err, &open), errors.As(err, &no), errors.As(err, &loss), errors.As(err, &foreseen), errors.Is(err, plan.ErrEdited):
		return exitRefused
	case errors.As(err, &locked), errors.As(err, &instance):
		return exitLocked
	default:
		return exitError
	}
}
