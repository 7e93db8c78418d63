package backup

import (
	"fmt"
	"strconv"
	"time"
)

// parseSpan reads a span of time: what Go reads ("26h", "90m"), and days and
// weeks of 24 hours each ("7d", "2w").
func parseSpan(s string) (time.Duration, error) {
	if n := len(s); n > 1 {
		unit := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[s[n-1]]
		if count, err := strconv.Atoi(s[:n-1]); err == nil && unit > 0 {
			const most = 20000 // days; a duration ends at 292 years
			if count < 0 || time.Duration(count)*unit/(24*time.Hour) > most || count > most {
				return 0, fmt.Errorf("%q is out of range", s)
			}
			return time.Duration(count) * unit, nil
		}
	}
	return time.ParseDuration(s)
}
