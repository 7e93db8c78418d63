#!/usr/bin/env bash
# Installs a data directory, or upgrades (re-attaches) an existing one to this kit.
DKUINSTALLDIR=$(cd "$(dirname "$0")" && pwd -P) || exit 1

usage() {
  echo "Usage: $0 -d DATA_DIR -p PORT [-l LICENSE] [-t NODETYPE] [-n] [-P PYTHON] [-y]" >&2
  echo "       $0 -d DATA_DIR -u [-n] [-P PYTHON] [-y]" >&2
  exit 2
}

data= port= license= type=design upgrade= check=1 yes=
while getopts d:p:l:t:unP:yh option; do
  case $option in
    d) data=$OPTARG ;;
    p) port=$OPTARG ;;
    l) license=$OPTARG ;;
    t) type=$OPTARG ;;
    u) upgrade=1 ;;
    n) check= ;;
    P) [ -x "$OPTARG" ] || command -v "$OPTARG" >/dev/null || { echo "ERROR: no such Python: $OPTARG" >&2; exit 1; } ;;
    y) yes=1 ;;
    *) usage ;;
  esac
done
[ -n "$data" ] && [ $OPTIND -gt $# ] || usage
if [ "$(id -u)" = 0 ]; then
  echo "ERROR: DSS must not be installed as root" >&2
  exit 1
fi
if [ -n "$upgrade" ]; then
  [ -f "$data/install.ini" ] || { echo "ERROR: no DSS data directory to upgrade in $data" >&2; exit 1; }
else
  case $port in '' | *[!0-9]*) usage ;; esac
  case $type in
    design | automation | deployer | api | govern) ;;
    *) echo "ERROR: unknown node type: $type" >&2; exit 1 ;;
  esac
  if [ -f "$data/install.ini" ]; then
    echo "ERROR: $data is already a DSS data directory, use -u to upgrade it" >&2
    exit 1
  fi
  if [ -d "$data" ] && [ -n "$(ls -A "$data")" ]; then
    echo "ERROR: $data is not empty" >&2
    exit 1
  fi
  [ -z "$license" ] || [ -r "$license" ] || { echo "ERROR: cannot read license $license" >&2; exit 1; }
  mkdir -p "$data" || exit 1
fi
DATA=$(cd "$data" && pwd -P) || exit 1
DIP_HOME=$DATA
if [ -n "${JAVA_HOME:-}" ]; then
  DKUJAVABIN=$JAVA_HOME/bin/java
else
  DKUJAVABIN=$(command -v java) || { echo "ERROR: no java in PATH and no JAVA_HOME" >&2; exit 1; }
fi
. "$DKUINSTALLDIR/scripts/common.sh"
. "$DKUINSTALLDIR/scripts/generate.sh"
set -e

# Each step can be made to fail, or to be the last before the process is killed.
step() {
  vary installer-says 3
  case $REPLY in
    0) echo "[+] $2" ;;
    1) echo "*** $2" ;;
    *) [ "$1" = finish ] || echo "$2 ..." ;;
  esac
  if fault installer-fail && [ "${FAULT:-config}" = "$1" ]; then
    failure installer
    fail "$REPLY" "ERROR: installation failed: $2"
  fi
  if fault installer-kill && [ "${FAULT:-config}" = "$1" ]; then
    kill -KILL $$
  fi
  if fault installer-slow; then
    seconds "$FAULT" 1
    sleep "$REPLY"
  fi
  if [ "$1" = config ] && fault disk-full; then
    fail 1 "$0: write error: No space left on device"
  fi
}

dependencies() {
  [ -n "$check" ] || return 0
  step dependencies "Checking dependencies"
  if fault missing-dependencies; then
    echo "ERROR: Missing system dependencies: ${FAULT:-acl git zip}" >&2
    echo "Run this as root, then start the installer again:" >&2
    echo "    sudo -i \"$DKUINSTALLDIR/scripts/install/install-deps.sh\"" >&2
    exit 1
  fi
}

new_id() {
  head -c 600 /dev/urandom | LC_ALL=C tr -dc A-Za-z0-9 | cut -c "1-$1"
}

write_install_ini() {
  local eq semi
  vary ini-spacing 3
  case $REPLY in
    0) eq=' = ' ;;
    1) eq='=' ;;
    *) eq=' =  ' ;;
  esac
  vary ini-comment 2
  [ "$REPLY" = 0 ] && semi=';' || semi='#'
  {
    vary ini-head 2
    [ "$REPLY" = 0 ] || printf '%s Installation settings of this instance\n\n' "$semi"
    printf '[general]\nnodetype%s%s\ninstallid%s%s\n' "$eq" "$type" "$eq" "$(new_id 24)"
    printf '\n[server]\n%s the first of ten consecutive ports\nport%s%s\n' "$semi" "$eq" "$port"
    printf '\n[javaopts]\nbackend.xmx%s4g\njek.xmx%s2g\n' "$eq" "$eq"
    printf '\n[git]\nmode%sproject\n' "$eq"
  } >"$DATA/install.ini"
}

# The folders of a data directory, most of them with something of the kind that lies there after a while.
make_folders() {
  local envs=code-envs name
  [ "$type" != automation ] || envs=acode-envs
  (cd "$DATA" && mkdir -p analysis-data bin bundles caches/http config data-catalog databases diagnosis exports \
    install-support jobs/DKU_SALES lib/java lib/jdbc lib/python local managed_datasets/orders notebook_results plugins \
    prepared_bundles privtmp resources run/audit saved_models scenarios security timelines tmp uploads R.lib \
    "$envs/desc/python/py39_default" "$envs/python/py39_default/bin")
  chmod 700 "$DATA/security" "$DATA/config"
  echo 'def helper(): return 42' >"$DATA/lib/python/helper.py"
  printf 'id,amount\n1,10.5\n2,20.25\n' >"$DATA/managed_datasets/orders/out-s0.csv"
  echo 'cached' >"$DATA/caches/http/page1"
  echo 'half a file' >"$DATA/tmp/upload-1.part"
  echo '2024-01-01 INFO build done' >"$DATA/jobs/DKU_SALES/output.log"
  for name in py39_default; do
    printf '{\n  "envName": "%s",\n  "envLang": "PYTHON",\n  "deploymentMode": "DESIGN_MANAGED"\n}\n' "$name" >"$DATA/$envs/desc/python/$name/desc.json"
    printf '#!%s/%s/python/%s/bin/python\nprint("pip")\n' "$DATA" "$envs" "$name" >"$DATA/$envs/python/$name/bin/pip"
  done
  printf 'seed=%s\n' "$SEED" >"$DATA/install-support/dsskit.properties"
  printf '# Yours: variables for the processes of DSS. Kept by upgrades.\n' >"$DATA/bin/env-site.sh"
  new_id 16 >"$DATA/instance-id.txt"
}

write_config() {
  printf '# Settings of the backend\nlogs.level=INFO\n' >"$DATA/config/dip.properties"
  if [ "$type" = govern ]; then
    printf '# psql.jdbc.url=jdbc:postgresql://HOST:PORT/DATABASE\n# psql.jdbc.user=\n# psql.jdbc.password=\n' >>"$DATA/config/dip.properties"
  fi
  if [ -n "$license" ]; then
    cp "$license" "$DATA/config/license.json"
  else
    printf '{\n  "licenseKind": "COMMUNITY"\n}\n' >"$DATA/config/license.json"
  fi
}

write_version() {
  local conf
  conf=$(sed -n 's/.*"conf_version" *: *"\([^"]*\)".*/\1/p' "$DKUINSTALLDIR/dss-version.json")
  printf '{"conf_version":"%s","product_version":"%s","product_commitid":""}' "$conf" "$VERSION" >"$DATA/dss-version.json.tmp"
  mv "$DATA/dss-version.json.tmp" "$DATA/dss-version.json"
}

# The commands of the kit's program need what bin/env-default.sh says.
tool() {
  (. "$DATA/bin/env-default.sh" && run_java dsskit.Tool "$@")
}

install_fresh() {
  dependencies
  step folders "Creating data directory $DATA"
  make_folders
  write_install_ini
  step environment "Writing environment"
  generate_config
  link_commands "$type"
  step pyenv "Initializing Python environment"
  build_pyenv
  step config "Initializing configuration"
  write_config
  tool fresh
  step version "Writing version"
  write_version
  noted installer.sh
  step finish "Installation complete, start DSS using: $DATA/bin/dss start"
}

old_version() {
  sed -n 's/.*"product_version" *: *"\([^"]*\)".*/\1/p' "$DATA/dss-version.json"
}

confirm() {
  local answer=
  [ -z "$yes" ] || return 0
  echo "This will migrate the data directory $DATA from version $1 to $VERSION."
  echo "It cannot be rolled back: make sure that you have a backup."
  printf 'Continue? [y/N] '
  read -r answer || true
  case $answer in
    y | Y | yes | Yes | YES) ;;
    *)
      echo "Aborted" >&2
      exit 1
      ;;
  esac
}

upgrade() {
  local old type major
  old=$(old_version)
  type=$(ini general nodetype)
  case $old in
    [0-3].*)
      major=${VERSION%%.*}
      if [ "$major" -gt 5 ]; then
        fail 1 "ERROR: cannot migrate from version $old to $VERSION, upgrade to 5.0 first"
      fi
      ;;
  esac
  dependencies
  confirm "$old"
  step backup "Backing up configuration"
  mkdir -p "$DATA/_pre_migration_backup_$(date +%Y%m%d-%H%M%S)"
  cp -R "$DATA/config/." "$DATA"/_pre_migration_backup_*/ 2>/dev/null || true
  step environment "Writing environment"
  generate_config
  link_commands "$type"
  step pyenv "Initializing Python environment"
  build_pyenv
  step config "Migrating configuration"
  if [ "$old" != "$VERSION" ]; then tool migrate; fi
  step version "Writing version"
  write_version
  noted installer.sh -u
  step finish "Upgrade complete, start DSS using: $DATA/bin/dss start"
}

if [ -n "$upgrade" ]; then upgrade; else install_fresh; fi
