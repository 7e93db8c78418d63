package secret

import "testing"

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		key          string
		hints, means bool
	}{
		{"password", true, true},
		{"bindPassword", true, true},
		{"bind_password", true, true},
		{"LDAP_PASSWORD", true, true},
		{"clientSecret", true, true},
		{"apiKey", true, true},
		{"api-key", true, true},
		{"apikey", true, true},
		{"accessToken", true, true},
		{"privateKey", true, true},
		{"keyMaterial", true, true},
		{"credentials", true, true},
		{"pwd", true, true},
		{"db.pwd", true, true},
		{"passwordPolicy", true, false},
		{"tokenExpirationDays", true, false},
		{"credentialsMode", true, false},
		{"ssl_certificate_key", true, false},
		{"port", false, false},
		{"key", false, false},
		{"keyboard", false, false},
		{"backend.xmx", false, false},
		{"maxRunningActivities", false, false},
		{"", false, false},
		{"__", false, false},
		{"pwelle", false, false},
	} {
		if got := NameHints(tt.key); got != tt.hints {
			t.Errorf("NameHints(%q) is %v", tt.key, got)
		}
		if got := NameMeans(tt.key); got != tt.means {
			t.Errorf("NameMeans(%q) is %v", tt.key, got)
		}
	}
}
