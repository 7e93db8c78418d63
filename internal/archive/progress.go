package archive

// How often progress is told.
const (
	tellMembers = 1000
	tellBytes   = 8 << 20
)

// teller tells progress now and then.
type teller struct {
	f         func(Progress)
	now, last Progress
}

func (t *teller) member() {
	if t.now.Members++; t.now.Members-t.last.Members >= tellMembers {
		t.tell()
	}
}

func (t *teller) bytes(n int64) {
	if t.now.Bytes += n; t.now.Bytes-t.last.Bytes >= tellBytes {
		t.tell()
	}
}

func (t *teller) tell() {
	if t.last = t.now; t.f != nil {
		t.f(t.now)
	}
}
