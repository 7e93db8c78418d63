package plan

import "github.com/dssctl/dssctl/internal/secret"

// Sum is the fingerprint of what a probe read. Something absent differs from
// something empty. The planner writes it, the executor compares it.
func Sum(key secret.Key, probe, content string, exists bool) string {
	if !exists {
		return key.Sum("absent", probe)
	}
	return key.Sum("probe", probe, content)
}

// SecretSum is the fingerprint of a secret's value.
func SecretSum(key secret.Key, value string) string { return key.Sum("secret", value) }
