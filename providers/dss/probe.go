package dss

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/dssctl/dssctl/internal/jsonedit"
)

// Read reads the one value that a probe names, for fingerprints:
//
//	config/general-settings.json#/JSON/POINTER   the value, canonical
//	dss-version.json#/product_version            the same, of any .json file
//	install.ini#section.key                      the value
//	bin/env-default.sh#NAME                      the value, unquoted
//	config/dip.properties#KEY                    the value, unescaped
//
// Canonical means the same for all spellings of the same JSON value, and not
// itself meant to be read as JSON.
// What is absent, the file included, is no error: exists is false. The content
// may be secret.
func (in *Instance) Read(probe string) (content string, exists bool, err error) {
	content, exists, err = in.read(probe)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", probe, err)
	}
	return content, exists, nil
}

func (in *Instance) read(probe string) (string, bool, error) {
	file, at, ok := strings.Cut(probe, "#")
	if !ok {
		return "", false, errors.New(`a probe has the form FILE#PLACE`)
	}
	switch file {
	case SettingsFile:
		doc, err := in.Settings()
		if err != nil {
			return "", false, err
		}
		raw, ok := doc.Get(at)
		if !ok {
			return "", false, nil
		}
		s, err := jsonedit.Canonical(raw)
		return string(s), err == nil, err
	case "dss-version.json":
		data, err := in.readFile(in.Path(file))
		if err != nil {
			return "", false, err
		}
		return pointer(in.Path(file), data, at)
	case InstallINIFile:
		ini, err := in.InstallINI()
		if err != nil {
			return "", false, err
		}
		// Keys have dots (backend.xmx), sections have none.
		section, key, _ := strings.Cut(at, ".")
		s, ok := ini.Get(section, key)
		return s, ok, nil
	case EnvDefaultFile:
		env, err := in.EnvDefault()
		s, ok := env[at]
		return s, ok, err
	case PropertiesFile:
		p, err := in.Properties()
		if err != nil {
			return "", false, err
		}
		s, ok := p.Get(at)
		return s, ok, nil
	default:
		return "", false, fmt.Errorf("this dssctl cannot probe the file %s", file)
	}
}

// pointer finds a JSON pointer (RFC 6901) through objects.
func pointer(path string, data []byte, at string) (string, bool, error) {
	raw := json.RawMessage(data)
	for at != "" {
		token, rest, _ := strings.Cut(strings.TrimPrefix(at, "/"), "/")
		if rest != "" {
			rest = "/" + rest
		}
		at = rest
		var object map[string]json.RawMessage
		if err := json.Unmarshal(raw, &object); err != nil {
			var wrongType *json.UnmarshalTypeError
			if errors.As(err, &wrongType) {
				return "", false, nil
			}
			return "", false, &FileError{File: path, Line: jsonLine(data, err), Found: "no readable JSON", Expected: "a JSON object", Err: err}
		}
		next, ok := object[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]
		if !ok {
			return "", false, nil
		}
		raw = next
	}
	s, err := jsonedit.Canonical(raw)
	return string(s), err == nil, err
}
