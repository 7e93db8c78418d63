#!/bin/sh
# Applies exactly the plan that was reviewed for these files. Ends with 5, and
# nothing is done, when there is none, or when what it was based on has changed
# since: dssctl says what.
. "$(dirname "$0")/lib.sh"

id=$(files_id)
plan=$plans/$id.plan
if [ ! -e "$plan" ]; then
	echo "No plan was reviewed for the files of $(git rev-parse --short HEAD): something else was merged since, or the plan is older than 90 days." >&2
	echo "Nothing was done. Propose the change again, so that its plan is made and reviewed." >&2
	exit 5
fi

status=0
dssctl -chdir "$estate" apply -json-into "$out/apply.jsonl" "$plan" || status=$?
if [ "$status" = 0 ]; then
	rm "$plan"
fi
if grep -q '"type":"run_start"' "$out/apply.jsonl"; then
	render run
fi
exit "$status"
