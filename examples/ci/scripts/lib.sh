# shellcheck shell=sh disable=SC2034
# What the scripts beside this one share. They are POSIX sh and need git and
# dssctl. They run on the machine of the data directory, as the account that owns
# it, in the checkout.
#
#   DSS_ESTATE  the estate's folder in the repository (default: its root)
#   DSS_OUT     where what was made for people goes (default: dss-out)
#   DSS_PLANS   where reviewed plans wait to be applied, outside of the checkout
#               (default: ~/.local/state/dss-plans)
set -eu

estate=${DSS_ESTATE:-.}
out=${DSS_OUT:-dss-out}
plans=${DSS_PLANS:-${XDG_STATE_HOME:-$HOME/.local/state}/dss-plans}
mkdir -p "$out"

export DSSCTL_IN_AUTOMATION=1

# files_id names the content of the estate's files as git knows it: the same for
# a change that was reviewed and for the merge of it, unless something else was
# merged meanwhile.
files_id() {
	if ! git diff --quiet HEAD -- "$estate"; then
		echo "$0: the checkout has edits in $estate that are in no commit" >&2
		return 1
	fi
	git rev-parse "HEAD:$(git -C "$estate" rev-parse --show-prefix)"
}

# render writes a plan file, or the newest run where none is given, in the
# formats that people and CI servers read. On GitHub it annotates the files.
render() {
	name=$1
	shift
	dssctl -chdir "$estate" show -format markdown "$@" >"$out/$name.md"
	dssctl -chdir "$estate" show -format html "$@" >"$out/$name.html"
	dssctl -chdir "$estate" show -format junit "$@" >"$out/$name.junit.xml"
	dssctl -chdir "$estate" show -format sarif "$@" >"$out/$name.sarif"
	if [ "${GITHUB_ACTIONS:-}" = true ]; then
		dssctl -chdir "$estate" show -format github "$@"
	fi
	if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
		cat "$out/$name.md" >>"$GITHUB_STEP_SUMMARY"
	fi
}
