#!/bin/sh
# Compares the live instances with the files. Nothing is changed. Ends with 2
# when something differs, with 1 when that could not be told.
. "$(dirname "$0")/lib.sh"

status=0
dssctl -chdir "$estate" plan -detailed-exitcode -out "$out/drift.plan" -json-into "$out/drift.jsonl" || status=$?
if [ -e "$out/drift.plan" ]; then
	render drift "$out/drift.plan"
fi
exit "$status"
