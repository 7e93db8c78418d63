#!/usr/bin/env bash
# Starts the processes of one DSS, watches them, and writes the table that "dss status" shows. Its argument is the data
# directory; SIGTERM makes it stop them all and end.
set -u
DATA=$1
. "$DATA/bin/env-default.sh"
[ -r "$DATA/bin/env-site.sh" ] && . "$DATA/bin/env-site.sh"
. "$DKUINSTALLDIR/scripts/common.sh"
cd "$DATA" || exit 1

START_SECONDS=1
ATTEMPTS=2
case $DKU_NODE_TYPE in
  api) main=apimain names=(apimain nginx) ;;
  govern) main=governserver names=(governserver nginx) ;;
  *) main=backend names=(backend ipython nginx) ;;
esac
declare -A state pid since tries note
stopping=0
changed=1

now() { REPLY=${EPOCHREALTIME/[.,]/}; }

launch() {
  local command
  case $1 in
    nginx) command=("$DKUJAVABIN" "${JVM_FLAGS[@]}" -Xmx24m "-Djava.io.tmpdir=$DATA/tmp" -cp "$CLASSPATH" dsskit.Front) ;;
    ipython) command=("$DATA/pyenv/bin/ipython") ;;
    *) command=("$DKUJAVABIN" "${JVM_FLAGS[@]}" "-Djava.io.tmpdir=$DATA/tmp" -cp "$CLASSPATH" dsskit.Backend "$1") ;;
  esac
  (exec 9>&- && exec "${command[@]}") </dev/null >>"run/$1.log" 2>&1 &
  pid[$1]=$!
  now
  since[$1]=$REPLY
  state[$1]=STARTING
  note[$1]=
  changed=1
}

# A process has ended: by order, too early, for want of its database, or out of the blue.
ended() {
  local name=$1 code age
  wait "${pid[$name]}" 2>/dev/null
  code=$?
  now
  age=$(((REPLY - since[$name]) / 1000000))
  pid[$name]=
  since[$name]=$REPLY
  changed=1
  if [ "$stopping" = 1 ]; then
    state[$name]=STOPPED
    return
  fi
  if [ "$name" = "$main" ] && [ "$code" = 3 ]; then
    vary lost-database 2
    if [ "$REPLY" = 0 ]; then
      state[$name]=EXITED note[$name]=$(LC_ALL=C date '+%b %d %I:%M %p')
    else
      state[$name]=FATAL note[$name]="Exited too quickly (process log may have details)"
    fi
    return
  fi
  if [ "$age" -ge 15 ]; then tries[$name]=0; fi
  tries[$name]=$((tries[$name] + 1))
  note[$name]="Exited too quickly (process log may have details)"
  if [ "${tries[$name]}" -ge $ATTEMPTS ]; then state[$name]=FATAL; else state[$name]=BACKOFF; fi
}

look() {
  local name
  for name in "${names[@]}"; do
    now
    case ${state[$name]} in
      STARTING | RUNNING | STOPPING)
        if ! kill -0 "${pid[$name]}" 2>/dev/null; then
          ended "$name"
        elif [ "${state[$name]}" = STARTING ] && [ $((REPLY - since[$name])) -ge $((START_SECONDS * 1000000)) ]; then
          state[$name]=RUNNING
          changed=1
        fi
        ;;
      BACKOFF) [ $((REPLY - since[$name])) -ge 500000 ] && launch "$name" ;;
    esac
  done
}

publish() {
  local name
  [ "$changed" = 1 ] || return
  changed=0
  for name in "${names[@]}"; do
    printf '%s\t%s\t%s\t%s\t%s\n' "$name" "${state[$name]}" "${pid[$name]:--}" $((since[$name] / 1000000)) "${note[$name]:--}"
  done >run/supervisord.state.tmp && mv run/supervisord.state.tmp run/supervisord.state
}

shut_down() {
  local name
  [ "$stopping" = 0 ] || return
  stopping=1
  changed=1
  for name in "${names[@]}"; do
    case ${state[$name]} in
      STARTING | RUNNING)
        state[$name]=STOPPING
        kill -TERM "${pid[$name]}" 2>/dev/null
        ;;
      *) state[$name]=STOPPED ;;
    esac
  done
}

all_stopped() {
  local name
  for name in "${names[@]}"; do
    [ -z "${pid[$name]}" ] || return 1
  done
}

mkdir -p run tmp
configured_password
(umask 077 && rm -f run/supervisord.auth && printf '%s\n' "$REPLY" >run/supervisord.auth)
trap 'shut_down' TERM INT
trap '' HUP
for name in "${names[@]}"; do
  tries[$name]=0
  launch "$name"
done
publish
echo $$ >run/supervisord.pid.tmp && mv run/supervisord.pid.tmp run/supervisord.pid
while :; do
  pause 0.1
  if ! [ -f "$DATA/install.ini" ]; then
    for name in "${names[@]}"; do [ -n "${pid[$name]}" ] && kill -KILL "${pid[$name]}" 2>/dev/null; done
    exit 1
  fi
  look
  publish
  if [ "$stopping" = 1 ] && all_stopped; then break; fi
done
rm -f run/supervisord.pid run/supervisord.auth run/supervisord.state
