#!/bin/sh
# systemctl of a machine whose state is files.
state=@STATE@
units=@UNITS@
[ -e "$state/slow" ] && exec sleep 600
if [ -e "$state/gone" ]; then
  echo "System has not been booted with systemd as init system (PID 1). Can't operate." >&2
  echo "Failed to connect to bus: Host is down" >&2
  exit 1
fi
[ "$1" = --no-ask-password ] && shift
verb=$1
for unit in "$@"; do :; done
case $unit in *.service) ;; *) unit=$unit.service ;; esac

load=loaded
template=$(printf %s "$unit" | sed 's/@.*\./@./')
if [ -e "$state/masked-$unit" ]; then
  load=masked
elif [ ! -e "$units/$unit" ] && [ ! -e "$units/$template" ]; then
  load=not-found
fi
active=inactive
[ -e "$state/failed-$unit" ] && active=failed
[ -e "$state/active-$unit" ] && active=active

said() { # the last value of a key
  sed -n "s|^$1=||p" "$units/$unit" | tail -n 1
}

case $verb in
show)
  echo "LoadState=$load"
  echo "ActiveState=$active"
  exit 0
  ;;
list-units)
  cat "$state/listed" 2>/dev/null
  exit 0
  ;;
start | stop) ;;
*)
  echo "Unknown command verb $verb." >&2
  exit 1
  ;;
esac

if [ -z "$STANDIN_ROOT" ] && [ ! -e "$state/allow" ]; then
  echo "$verb $unit: refused" >>"$state/log"
  echo "Failed to $verb $unit: Interactive authentication required." >&2
  echo "See system logs and 'systemctl status $unit' for details." >&2
  exit 1
fi
echo "$verb $unit${STANDIN_ROOT:+ by sudo}" >>"$state/log"
case $load in
not-found)
  echo "Failed to $verb $unit: Unit $unit not found." >&2
  exit 5
  ;;
masked)
  if [ "$verb" = start ]; then
    echo "Failed to start $unit: Unit $unit is masked." >&2
    exit 1
  fi
  ;;
esac
case $verb in
start)
  [ -e "$state/slow-start" ] && exec sleep 600
  [ "$active" = active ] && exit 0
  rm -f "$state/failed-$unit"
  if [ -e "$state/broken" ] || ! sh -c "$(said ExecStart)" >&2; then
    : >"$state/failed-$unit"
    echo "Job for $unit failed because the control process exited with error code." >&2
    exit 1
  fi
  : >"$state/active-$unit"
  ;;
stop)
  [ "$active" = active ] || exit 0
  rm -f "$state/active-$unit"
  sh -c "$(said ExecStop)" >&2 || : >"$state/failed-$unit"
  ;;
esac
exit 0
