package state

import "testing"

// Runs of one second, and of a clock that was set back, keep their order.
func TestIDBehindTheNewest(t *testing.T) {
	for _, tc := range []struct{ id, newest, want string }{
		{"20261125-195055-bd87", "", "20261125-195055-bd87"},
		{"20261125-195055-bd87", "20261125-195054-ffff", "20261125-195055-bd87"},
		{"20261125-195055-bd87", "20261125-195055-d71f", "20261125-195055-d720"},
		{"20261125-195055-bd87", "20261125-195055-bd87", "20261125-195055-bd88"},
		{"20261125-195055-bd87", "20261125-195055-ffff", "20261125-195056-0000"},
		{"20261125-195055-bd87", "20270101-000000-0009", "20270101-000000-000a"},
		{"20261125-195055-bd87", "20261231-235959-ffff", "20270101-000000-0000"},
	} {
		got, err := after(tc.id, tc.newest)
		if err != nil || got != tc.want || !ValidRunID(got) || got <= tc.newest {
			t.Errorf("%s behind %s: %s, %v; want %s", tc.id, tc.newest, got, err, tc.want)
		}
	}
}
