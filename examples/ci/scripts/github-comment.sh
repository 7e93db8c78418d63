#!/bin/sh
# github-comment.sh NUMBER FILE puts the file into a comment of the pull request:
# its own comment again, where it has one. Needs gh and GH_TOKEN.
set -eu
gh pr comment "$1" --edit-last --create-if-none --body-file "$2"
