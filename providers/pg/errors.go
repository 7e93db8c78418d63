package pg

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Kind is what went wrong, as far as a user can act on it.
type Kind string

// The kinds.
const (
	Unreachable   Kind = "unreachable"
	UnknownHost   Kind = "unknown_host"
	Refused       Kind = "refused"
	Timeout       Kind = "timeout"
	NoDatabase    Kind = "no_database"
	NoRole        Kind = "no_role"
	NotAllowed    Kind = "not_allowed" // pg_hba.conf
	WrongPassword Kind = "wrong_password"
	TLS           Kind = "tls"
	TooMany       Kind = "too_many_connections"
	Starting      Kind = "starting_or_stopping"
	TooOld        Kind = "too_old"
	Denied        Kind = "denied" // a privilege is missing
	Locked        Kind = "locked"
	Lost          Kind = "lost"   // the connection broke
	Silent        Kind = "silent" // it stands, and nothing comes
	InUse         Kind = "in_use"
	Mismatch      Kind = "mismatch"
	NoTool        Kind = "no_tool"  // no pg_dump, or none new enough
	NoSpace       Kind = "no_space" // the disk is full here
	Damaged       Kind = "damaged"  // a dump is not as it was written
	Failed        Kind = "failed"   // the server said something else
)

// Error is an error of this package. Its text holds no password and no
// connection string.
type Error struct {
	Kind   Kind
	Doing  string // "connect to", "create the schema in"
	Where  string // "database dss on pg.internal:5432"
	Role   string
	Detail string // what was found
	Code   string // SQLSTATE
}

func (e *Error) Error() string {
	s := e.Doing + " " + e.Where
	if e.Role != "" {
		s += " as " + e.Role
	}
	s += ": " + e.says()
	if h := e.Hint(); h != "" {
		s += "; " + h
	}
	return s
}

func (e *Error) says() string {
	known := map[Kind]string{
		Unreachable:   "the server cannot be reached",
		UnknownHost:   "the host name is not known",
		Refused:       "the connection was refused",
		Timeout:       "no answer in time",
		NoDatabase:    "there is no such database",
		NoRole:        "there is no such role, or it may not log in",
		NotAllowed:    "the server does not allow this connection",
		WrongPassword: "the server refused the password (it says the same of a role that does not exist)",
		TLS:           "TLS failed",
		TooMany:       "the server has no connection left",
		Starting:      "the server is starting up or shutting down",
		TooOld:        "the server is too old",
		Denied:        "permission denied",
		Locked:        "somebody else holds a lock",
		Lost:          "the connection broke",
		Silent:        "the server has gone silent",
		NoSpace:       "no space left on the disk",
	}[e.Kind]
	switch {
	case known == "":
		return e.Detail
	case e.Detail == "":
		return known
	}
	return known + ": " + e.Detail
}

// Hint says what to do next, "" where that is plain.
func (e *Error) Hint() string {
	return map[Kind]string{
		Unreachable:   "check the network between this machine and the server",
		UnknownHost:   "check host, or this machine's name resolution",
		Refused:       "check that PostgreSQL runs there and listens on this address and port (listen_addresses, port)",
		Timeout:       "check the firewall between this machine and the server, and its load",
		NoDatabase:    "create it, or correct database",
		NoRole:        "create it (CREATE ROLE … LOGIN), or correct user",
		NotAllowed:    "add a line for this database, role and address to pg_hba.conf",
		WrongPassword: "correct password, or set it on the server (ALTER ROLE … PASSWORD)",
		TLS:           "check the properties ssl, sslmode and sslrootcert",
		TooMany:       "raise max_connections (DSS wants 500 at least) or close other clients",
		Starting:      "wait until it is up, then run again",
		TooOld:        "DSS needs PostgreSQL 9.5 at least",
		Locked:        "close the session that holds it, then run again",
		Lost:          "check that PostgreSQL runs, then run again",
		Silent:        "check that PostgreSQL is not stopped or overloaded, and what is between it and this machine, then run again",
		NoTool:        "install PostgreSQL's client programs (on Debian the package postgresql-client)",
		NoSpace:       "free some, or choose another destination, then run again",
	}[e.Kind]
}

// KindOf returns the kind of an error of this package, "" for another.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// classify makes an Error of what the driver returned, in our own words. The
// user's Ctrl-C stays what it is.
func classify(ctx context.Context, l Login, doing string, err error) error {
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	var told *callerError
	if errors.As(err, &told) {
		return told
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s %s: %w", doing, l.Where(), context.Cause(ctx))
	}
	e := &Error{Doing: doing, Where: l.Where(), Role: l.User}
	var quiet *silentError
	if errors.As(err, &quiet) {
		e.Kind, e.Detail = Silent, quiet.Error()
		return e
	}
	var server *pgconn.PgError
	if errors.As(err, &server) {
		e.Code = server.Code
		e.Kind, e.Detail = serverKind(server)
		return e
	}
	e.Kind, e.Detail = clientKind(err)
	return e
}

// callerError is what a caller's own function returned: none of the driver's.
type callerError struct{ err error }

func (e *callerError) Error() string { return e.err.Error() }
func (e *callerError) Unwrap() error { return e.err }

// serverKind goes by SQLSTATE: the message's language depends on the server.
func serverKind(p *pgconn.PgError) (Kind, string) {
	switch p.Code {
	case "3D000":
		return NoDatabase, ""
	case "28P01":
		return WrongPassword, ""
	case "28000":
		// The function that raised it is not translated.
		if p.Routine == "InitializeSessionUserId" || p.Routine == "InitializeSessionUser" {
			return NoRole, ""
		}
		return NotAllowed, ""
	case "53300":
		return TooMany, ""
	case "57P03", "57P01", "57P02":
		return Starting, ""
	case "57014", "25P03":
		return Timeout, "the statement was canceled"
	case "55P03", "40P01":
		return Locked, ""
	case "42501":
		return Denied, p.Message
	}
	text := p.Message
	if p.Code == "53200" && p.Hint != "" { // out of locks: it names the setting
		text += " (" + p.Hint + ")"
	}
	if p.Detail != "" && !strings.HasPrefix(p.Code, "22") && !strings.HasPrefix(p.Code, "23") {
		// The detail of a data error would quote the data.
		text += " (" + strings.ReplaceAll(p.Detail, "\n", "; ") + ")"
	}
	return Failed, fmt.Sprintf("the server says: %s, SQLSTATE %s", text, p.Code)
}

func clientKind(err error) (Kind, string) {
	var (
		dns       *net.DNSError
		record    tls.RecordHeaderError
		alert     tls.AlertError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &authority):
		return TLS, "the server's certificate is signed by nobody trusted here"
	case errors.As(err, &hostname):
		return TLS, "the server's certificate is for another host name"
	case errors.As(err, &invalid):
		return TLS, "the server's certificate is not valid"
	case errors.As(err, &verify), errors.As(err, &record), errors.As(err, &alert):
		return TLS, ""
	case errors.As(err, &dns) && !dns.IsTimeout:
		return UnknownHost, ""
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused, ""
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), pgconn.Timeout(err):
		return Timeout, ""
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return Unreachable, ""
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe),
		errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, pgconn.ErrConnClosed):
		return Lost, ""
	// With the mode prefer, what was tried without TLS has failed otherwise.
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return TLS, "the server offers no TLS"
	}
	var op net.Error
	if errors.As(err, &op) {
		return Unreachable, ""
	}
	// The driver's own text may quote the connection; its type is safe.
	return Failed, fmt.Sprintf("the PostgreSQL driver failed (%T)", err)
}
