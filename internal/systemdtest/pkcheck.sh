#!/bin/sh
# pkcheck of a polkit that knows only what it says of all units.
[ -e @STATE@/polkit ] && exit 0
echo "Authorization requires authentication and -u wasn't passed." >&2
exit 2
