package secret

import (
	"strings"
	"testing"
)

// What is planted in each value must not be shown, and must be declared as
// sensitive; what is around it stays readable.
func TestSecretsInsideValues(t *testing.T) {
	for value, want := range map[string]string{
		"-Xmx2g -Djavax.net.ssl.keyStorePassword=PLANTED1 -Dx=y":                    "-Xmx2g -Djavax.net.ssl.keyStorePassword=(secret) -Dx=y",
		`-Djavax.net.ssl.trustStorePassword="PLANTED 2"`:                            `-Djavax.net.ssl.trustStorePassword="(secret)"`,
		";user=sa;password=PLANTED3;encrypt=true":                                   ";user=sa;password=(secret);encrypt=true",
		"jdbc:postgresql://h/db?user=u&password=PLANTED4&ssl=true":                  "jdbc:postgresql://h/db?user=u&password=(secret)&ssl=true",
		"jdbc:postgresql://h/db?sslpassword=PLANTED5":                               "jdbc:postgresql://h/db?sslpassword=(secret)",
		"rest:https://user:PLANTED6@backup.example.com/repo":                        "rest:https://user:(secret)@backup.example.com/repo",
		"http://u:PLAN:TED7@proxy:8080/":                                            "http://u:(secret)@proxy:8080/",
		"jdbc:oracle:thin:scott/PLANTED8@db:1521/x":                                 "jdbc:oracle:thin:scott/(secret)@db:1521/x",
		"Authorization: Bearer PLANTED9abc":                                         "Authorization: Bearer (secret)",
		"curl -H 'Authorization: Basic UExBTlRFRA=='":                               "curl -H 'Authorization: Basic (secret)'",
		"X_SECRET=PLANTED10 run":                                                    "X_SECRET=(secret) run",
		"PGPASSWORD=PLANTED11":                                                      "PGPASSWORD=(secret)",
		"keytool -storepass PLANTED12 -list":                                        "keytool -storepass (secret) -list",
		"tool --token PLANTED13":                                                    "tool --token (secret)",
		`{"user": "u", "password": "PLANTED14"}`:                                    `{"user": "u", "password": "(secret)"}`,
		`{\"apiKey\": \"PLANTED15\"}`:                                               `{\"apiKey\": \"(secret)\"}`,
		"x e:AES:PLANTED16+/= y":                                                    "x (secret) y",
		"-----BEGIN RSA PRIVATE KEY-----\nPLANTED17\n-----END RSA PRIVATE KEY-----": "(secret)",
		"use ghp_PLANTED1890123456789012345678 here":                                "use (secret) here",
		"secret: PLANTED19":                                                         "secret: (secret)",
	} {
		got := Mask(value)
		if got != want {
			t.Errorf("Mask(%q)\n got %q\nwant %q", value, got, want)
		}
		if strings.Contains(got, "PLANTED") || strings.Contains(got, "UExBTlRFRA") {
			t.Errorf("%q shows its secret", got)
		}
		if !Holds(value, "anything") {
			t.Errorf("%q counts as no secret", value)
		}
		if again := Mask(got); again != got {
			t.Errorf("Mask is not stable: %q becomes %q", got, again)
		}
	}
}

// What only speaks of secrets is left alone.
func TestHarmlessValuesAreShown(t *testing.T) {
	for _, value := range []string{
		"", "8g", "-Xmx8g -XX:+UseG1GC", "https://dss.example.com:11200/", "jdbc:postgresql://pg.internal:5432/dss?ssl=true&sslmode=require",
		"passwordPolicy=strict", "-Djavax.net.ssl.keyStore=/etc/ssl/x.jks", "password=", "password=${DB_PASSWORD}", "token: none",
		"ssh://git@example.com/repo", "the password is asked for at the start", "user@example.com", "default-src 'self' ; img-src *", "a:b", "2026-11-30T01:02:03Z",
		"tokenExpirationDays=30", "rest:https://backup.example.com/repo", "s3:https://s3.example.com/bucket",
	} {
		if got := Mask(value); got != value {
			t.Errorf("Mask(%q) is %q", value, got)
		}
		if Holds(value, "anything") {
			t.Errorf("%q counts as a secret", value)
		}
	}
}

func TestShownByName(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"ssl_certificate_key", "/etc/ssl/private/dss.key", "/etc/ssl/private/dss.key"},
		{"ssl_certificate_key", "abc/def==", Placeholder},
		{"password", "/looks/like/a/path", Placeholder},
		{"passwordPolicy", "strict", Placeholder},
		{"passwordRequired", "true", "true"},
		{"backend.xmx", "8g", "8g"},
		{"sslpassword", "x", Placeholder},
	} {
		if got := Shown(tt.value, tt.name); got != tt.want {
			t.Errorf("Shown(%q, %q) is %q, want %q", tt.value, tt.name, got, tt.want)
		}
	}
	if !Holds("x", "mail", "smtpPassword") || Holds("x", "password", "length") || Holds("", "password") {
		t.Error("Holds looks at the wrong name")
	}
}

func FuzzMask(f *testing.F) {
	f.Add("a=b", "PLANTED")
	f.Fuzz(func(t *testing.T, before, word string) {
		got := Mask(before + word)
		if again := Mask(got); again != got {
			t.Errorf("%q becomes %q, then %q", before+word, got, again)
		}
	})
}
