package archive

import (
	"os/user"
	"strconv"
	"sync"
)

// accounts looks up the names of accounts, each once.
type accounts struct {
	mu         sync.Mutex
	users      map[int]string
	groups     map[int]string
	uids, gids map[string]int // -1 where there is none of that name
}

func newAccounts() *accounts {
	return &accounts{users: map[int]string{}, groups: map[int]string{}, uids: map[string]int{}, gids: map[string]int{}}
}

// remembered returns what is known of a key, asking once.
func remembered[K comparable, V any](a *accounts, known map[K]V, key K, ask func() V) V {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, ok := known[key]
	if !ok {
		v = ask()
		// An archive from elsewhere may name any number of accounts.
		if len(known) < 100_000 {
			known[key] = v
		}
	}
	return v
}

// user is the name of an account, "" where it has none.
func (a *accounts) user(uid int) string {
	return remembered(a, a.users, uid, func() string {
		u, err := user.LookupId(strconv.Itoa(uid))
		if err != nil {
			return ""
		}
		return u.Username
	})
}

func (a *accounts) group(gid int) string {
	return remembered(a, a.groups, gid, func() string {
		g, err := user.LookupGroupId(strconv.Itoa(gid))
		if err != nil {
			return ""
		}
		return g.Name
	})
}

// uid is the number of the account of that name.
func (a *accounts) uid(name string) (int, bool) {
	id := remembered(a, a.uids, name, func() int {
		u, err := user.Lookup(name)
		if err != nil {
			return -1
		}
		return number(u.Uid)
	})
	return id, id >= 0
}

func (a *accounts) gid(name string) (int, bool) {
	id := remembered(a, a.gids, name, func() int {
		g, err := user.LookupGroup(name)
		if err != nil {
			return -1
		}
		return number(g.Gid)
	})
	return id, id >= 0
}

func number(text string) int {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return -1
	}
	return int(n)
}
