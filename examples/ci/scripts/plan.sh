#!/bin/sh
# Checks the files of a proposed change, plans it, and keeps the plan for
# apply.sh. Nothing is changed. Ends with what dssctl ended with: 1 for an error,
# 3 for a file that is not formatted.
. "$(dirname "$0")/lib.sh"

dssctl -chdir "$estate" fmt -check -diff
dssctl -chdir "$estate" validate
id=$(files_id)
dssctl -chdir "$estate" plan -out "$out/reviewed.plan" -json-into "$out/plan.jsonl"
render plan "$out/reviewed.plan"

mkdir -p "$plans"
chmod 700 "$plans"
find "$plans" -name '*.plan' -mtime +90 -exec rm -f {} +
cp "$out/reviewed.plan" "$plans/$id.new"
mv "$plans/$id.new" "$plans/$id.plan"
echo "Kept for apply.sh as $plans/$id.plan"
