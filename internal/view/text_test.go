package view

import "testing"

// What comes from elsewhere steers neither a terminal nor a CI system.
func TestCleanLeavesNothingThatActs(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b]0;x\x07y":                  `\u001b]0;x\u0007y`,
		"a\n::error file=x,line=1::boom": "a\n:\\:error file=x,line=1::boom",
		"  ::add-mask::x":                `  :\:add-mask::x`,
		"a ##vso[task.complete]b":        `a #\#vso[task.complete]b`,
		"##[group]x":                     `#\#[group]x`,
		"::1 is an address":              "::1 is an address",
		"std::string::npos":              "std::string::npos",
		"a # b ## c":                     "a # b ## c",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) is %q, want %q", in, got, want)
		}
	}
}
