package proc

import (
	"slices"
	"testing"
)

func TestInherited(t *testing.T) {
	env := []string{"HOME=/h", "LC_TIME=C", "DSSCTL_VAR_pw=x", "CI_JOB_TOKEN=x", "AWS_SECRET_ACCESS_KEY=x", "PGSERVICE=x", "JAVA_HOME=/j", "odd"}
	for _, tt := range []struct{ keep, want []string }{
		{nil, []string{"HOME=/h", "LC_TIME=C"}},
		{[]string{"JAVA_HOME", "AWS_*"}, []string{"HOME=/h", "LC_TIME=C", "AWS_SECRET_ACCESS_KEY=x", "JAVA_HOME=/j"}},
		{[]string{"DSSCTL_*"}, []string{"HOME=/h", "LC_TIME=C"}},
		{[]string{Everything}, slices.DeleteFunc(slices.Clone(env), func(e string) bool { return e == "DSSCTL_VAR_pw=x" })},
	} {
		if got := inherited(env, tt.keep); !slices.Equal(got, tt.want) {
			t.Errorf("keeping %v: %v, want %v", tt.keep, got, tt.want)
		}
	}
}
