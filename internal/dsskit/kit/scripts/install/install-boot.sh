#!/usr/bin/env bash
# install-boot.sh [-n NAME] DATA_DIR USER: makes the boot unit of an instance.
set -e
name=
if [ "${1:-}" = -n ]; then
  name=.$2
  shift 2
fi
[ $# = 2 ] || { echo "Usage: install-boot.sh [-n NAME] DATA_DIR USER" >&2; exit 2; }
root=${DSSKIT_BOOT_ROOT:-}
if [ "$(id -u)" != 0 ] && [ -z "$root" ]; then
  echo "ERROR: this script must be run as root" >&2
  exit 1
fi
data=$(cd "$1" && pwd -P)
mkdir -p "$root/etc/systemd/system"
cat >"$root/etc/systemd/system/dataiku$name.service" <<UNIT
[Unit]
Description=Dataiku DSS ($data)
After=network.target

[Service]
Type=forking
User=$2
ExecStart=$data/bin/dss start
ExecStop=$data/bin/dss stop
LimitNOFILE=65536
LimitNPROC=65536

[Install]
WantedBy=multi-user.target
UNIT
echo "Installed dataiku$name.service"
