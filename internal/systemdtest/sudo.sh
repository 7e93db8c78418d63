#!/bin/sh
# sudo with a list of commands that it allows, and no password.
state=@STATE@
[ "$1" = -n ] && shift
list=
[ "$1" = -l ] && { list=1; shift; }
if ! grep -qxF -- "$*" "$state/sudoers" 2>/dev/null; then
  [ -n "$list" ] || echo "sudo $*: refused" >>"$state/log"
  echo "sudo: a password is required" >&2
  exit 1
fi
if [ -n "$list" ]; then
  echo "/usr/bin/$*"
  exit 0
fi
program=$1
shift
STANDIN_ROOT=1 exec @BIN@/"$program" "$@"
