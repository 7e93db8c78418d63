package config

import (
	"encoding/json"
	"strconv"
)

func raw(s string) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	if err := json.Unmarshal([]byte(s), &out); err != nil {
		panic(err)
	}
	return out
}

func itoa(i int) string { return strconv.Itoa(i) }
