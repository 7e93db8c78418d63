# Shared by the commands of a data directory, which start as few processes as they can: tests run them by the thousand. Before it is read, DATA is the data directory as it really lies, and
# bin/env-default.sh has been read.

fail() {
  local code=$1
  shift
  printf '%s\n' "$*" >&2
  exit "$code"
}

# vary QUESTION N: a number below N in REPLY, fixed by the seed of the instance. Stands for what is not public of DSS.
vary() {
  local text="$SEED/$1" i code h=5381
  for ((i = 0; i < ${#text}; i++)); do
    printf -v code '%d' "'${text:i:1}"
    h=$(((h * 33 + code) & 0xffffff))
  done
  REPLY=$(((h ^ (h >> 7)) % $2))
}

# failure COMMAND: the exit code that a failing command has in this instance, in REPLY.
failure() {
  local codes=(1 2 3 64 255)
  vary "exit/$1" 5
  REPLY=${codes[REPLY]}
}

# fault NAME: whether a fault is switched on; its value in FAULT.
fault() {
  local all=${DSSKIT_FAULTS:-} file word
  for file in "$DATA/run/dsskit-faults" "$DKUINSTALLDIR/dsskit-faults"; do
    [ -r "$file" ] && all+=" $(<"$file")"
  done
  for word in ${all//,/ }; do
    case $word in
      "$1") FAULT=; return 0 ;;
      "$1="*) FAULT=${word#*=}; return 0 ;;
    esac
  done
  return 1
}

# seconds LENGTH DEFAULT: "300ms" or "2s" as a number of seconds in REPLY.
seconds() {
  case $1 in
    '') REPLY=$2 ;;
    *ms) REPLY=$(printf '%d.%03d' $((${1%ms} / 1000)) $((${1%ms} % 1000))) ;;
    *) REPLY=${1%s} ;;
  esac
}

read_seed() {
  local line
  SEED=0
  for file in "$DKUINSTALLDIR/lib/seed" "$DATA/install-support/dsskit.properties"; do
    [ -r "$file" ] || continue
    while read -r line; do
      case $line in seed=*) SEED=${line#seed=} ;; esac
    done <"$file"
  done
  if [ -n "${DSSKIT_SEED:-}" ] && ! [ -r "$DATA/install-support/dsskit.properties" ]; then SEED=$DSSKIT_SEED; fi
}

refuse_root() {
  if [ "$EUID" = 0 ]; then fail 1 "ERROR: $1 must not be run as root"; fi
}

# A data directory that was moved keeps the old path in what was generated, until the installer is replayed.
refuse_moved() {
  if [ "$DIP_HOME" != "$DATA" ]; then
    fail 1 "ERROR: this data directory was installed as $DIP_HOME and is now at $DATA: run installer.sh -d $DATA -u"
  fi
}

# noted COMMAND…: leaves a line about each administrative command that was run.
noted() {
  [ -d "$DATA/run" ] || mkdir -p "$DATA/run"
  printf '%s %s\n' "$VERSION" "$*" >>"$DATA/run/dsskit-commands"
}

run_java() {
  "$DKUJAVABIN" "${JVM_FLAGS[@]}" -Xmx512m -Djava.io.tmpdir="$DATA/tmp" -cp "$CLASSPATH" "$@"
}

# ini SECTION KEY: a value of install.ini.
ini() {
  awk -v section="$1" -v key="$2" '
    /^[ \t]*\[/ { s = $0; gsub(/^[ \t]*\[|\].*$/, "", s); next }
    s == section && /^[^#;]*[=:]/ {
      k = $0; sub(/[ \t]*[=:].*$/, "", k); sub(/^[ \t]+/, "", k)
      if (tolower(k) == tolower(key)) {
        v = $0; sub(/^[^=:]*[=:][ \t]*/, "", v); sub(/[ \t]+[;#].*$/, "", v); sub(/[ \t]+$/, "", v); found = v
      }
    }
    END { print found }' "$DATA/install.ini"
}

# configured_password: what the supervisor is started with, in REPLY.
configured_password() {
  local line
  REPLY=
  while read -r line; do
    case $line in password=*) REPLY=${line#password=} ;; esac
  done <"$DATA/install-support/supervisord.conf"
}

# pause SECONDS: a sleep that starts no process, for nobody ever writes to this pipe.
pause() {
  { true >&9; } 2>/dev/null || exec 9<> <(:)
  read -r -t "$1" -u 9
}

# supervises PID: whether this process is the supervisor of this data directory. Its number may be another's by now.
supervises() {
  local arguments=() word
  { mapfile -d '' arguments <"/proc/$1/cmdline"; } 2>/dev/null || return 1
  for word in "${arguments[@]}"; do
    [ "$word" != "$DATA" ] || return 0
  done
  return 1
}

# supervisor_pid: the process of this data directory's supervisor in REPLY, and whether it runs.
supervisor_pid() {
  local pid
  { read -r pid <"$DATA/run/supervisord.pid"; } 2>/dev/null && supervises "$pid" || return 1
  REPLY=$pid
}

export DIP_HOME DKUINSTALLDIR DKUJAVABIN
CLASSPATH=$(<"$DKUINSTALLDIR/lib/classpath")
# Few live long enough to be worth much compiling.
JVM_FLAGS=(-XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=5 -Xshare:auto -XX:+UseSerialGC -XX:-UsePerfData -Xmx128m)
ARCHIVE=$(<"$DKUINSTALLDIR/lib/archive")
# The archive of their classes is good for a class path that begins with the files that it was made of.
if [ -r "$ARCHIVE" ]; then
  JVM_FLAGS+=("-XX:SharedArchiveFile=$ARCHIVE")
  CLASSPATH+=:${ARCHIVE%/*}/dss.jar
fi
CLASSPATH+=:$DKUINSTALLDIR/lib/dss.jar
VERSION=$(<"$DKUINSTALLDIR/dss-version.json")
VERSION=${VERSION#*'"product_version"'*\"}
VERSION=${VERSION%%\"*}
read_seed
