package runtimedb

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

func TestCheckPassword(t *testing.T) {
	for _, good := range []string{"x", " ", "e:AES", "-n", "xe:AES:", "e:AES:AbC+/=19", "e:AES:aDTx/9dl/GchCDd9HEY5oYdBVHVl3l3r0cc=", "e:AES:aDTx9dlG:GchCDd9-_."} {
		if err := checkPassword(cty.StringVal(good)); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "e:AES:", "e:AES: aDTx/9dl/GchCDd9", "e:AES:aDTx/9dl/…", "e:AES:aDTx/9dl\n"} {
		err := checkPassword(cty.StringVal(bad))
		if err == nil {
			t.Errorf("%q is taken", bad)
		} else if strings.Contains(err.Error(), "aDTx") {
			t.Errorf("%q is shown: %v", bad, err)
		}
	}
}
