#!/bin/sh
# gitlab-comment.sh FILE puts the file into a note of the merge request: its own
# note again, where it has one. Needs curl, jq, and GITLAB_TOKEN, a token of the
# project with the scope api; the job's own token may not write notes.
set -eu
notes="$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes"
api() {
	# The token goes by a file descriptor: others see arguments.
	curl --silent --show-error --fail-with-body --retry 3 --header @/dev/fd/3 "$@" 3<<-END
		PRIVATE-TOKEN: $GITLAB_TOKEN
	END
}
old=$(api "$notes?sort=desc&order_by=created_at&per_page=100" | jq -r 'map(select(.body | startswith("<!-- dssctl -->"))) | first | .id // empty')
if [ -n "$old" ]; then
	api --request PUT --data-urlencode "body@$1" "$notes/$old" >/dev/null
else
	api --request POST --data-urlencode "body@$1" "$notes" >/dev/null
fi
