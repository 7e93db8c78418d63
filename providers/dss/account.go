package dss

import (
	"os/user"
	"strconv"
)

// AccountName returns the login name of an account, or "uid N" where there is none.
func AccountName(uid int) string { return accountName(uid) }

// GroupName returns the name of a group, or "gid N" where there is none.
func GroupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil && g.Name != "" {
		return g.Name
	}
	return "gid " + strconv.Itoa(gid)
}
