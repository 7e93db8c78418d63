// Package lazyregexp compiles a regular expression when it is first used. A
// program with dozens of them as package variables would otherwise spend a
// tenth of its start on those that it never asks.
package lazyregexp

import (
	"os"
	"regexp"
	"strings"
	"sync"
)

// Regexp is a regular expression that is compiled when it is first used.
type Regexp struct {
	get func() *regexp.Regexp
}

// New makes one of an expression that must be valid: where it is not, its first
// use panics, and in a test New itself.
func New(expression string) *Regexp {
	r := &Regexp{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })}
	if strings.HasSuffix(os.Args[0], ".test") {
		r.get()
	}
	return r
}

// MatchString is as of package regexp, like all methods here.
func (r *Regexp) MatchString(s string) bool { return r.get().MatchString(s) }

// Match is as of package regexp.
func (r *Regexp) Match(b []byte) bool { return r.get().Match(b) }

// FindString is as of package regexp.
func (r *Regexp) FindString(s string) string { return r.get().FindString(s) }

// FindStringSubmatch is as of package regexp.
func (r *Regexp) FindStringSubmatch(s string) []string { return r.get().FindStringSubmatch(s) }

// FindStringSubmatchIndex is as of package regexp.
func (r *Regexp) FindStringSubmatchIndex(s string) []int { return r.get().FindStringSubmatchIndex(s) }

// FindAllString is as of package regexp.
func (r *Regexp) FindAllString(s string, n int) []string { return r.get().FindAllString(s, n) }

// FindAllStringSubmatch is as of package regexp.
func (r *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	return r.get().FindAllStringSubmatch(s, n)
}

// FindAllSubmatchIndex is as of package regexp.
func (r *Regexp) FindAllSubmatchIndex(b []byte, n int) [][]int {
	return r.get().FindAllSubmatchIndex(b, n)
}

// FindAllStringSubmatchIndex is as of package regexp.
func (r *Regexp) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return r.get().FindAllStringSubmatchIndex(s, n)
}

// ReplaceAllString is as of package regexp.
func (r *Regexp) ReplaceAllString(s, with string) string { return r.get().ReplaceAllString(s, with) }

// ReplaceAllStringFunc is as of package regexp.
func (r *Regexp) ReplaceAllStringFunc(s string, with func(string) string) string {
	return r.get().ReplaceAllStringFunc(s, with)
}
