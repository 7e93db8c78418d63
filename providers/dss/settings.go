package dss

import (
	"bytes"
	"context"

	"github.com/dssctl/dssctl/internal/iniedit"
	"github.com/dssctl/dssctl/internal/jsonedit"
)

// The files that dssctl edits, below the data directory.
const (
	SettingsFile   = "config/general-settings.json"
	InstallINIFile = "install.ini"
	EnvDefaultFile = "bin/env-default.sh"
	PropertiesFile = "config/dip.properties"
)

// Settings reads config/general-settings.json. The error is fs.ErrNotExist
// where there is none, as on an API node.
func (in *Instance) Settings() (*jsonedit.Doc, error) {
	if in.frozen != nil {
		return in.frozen.settings.get(in.readSettings, (*jsonedit.Doc).Clone)
	}
	return in.readSettings()
}

func (in *Instance) readSettings() (*jsonedit.Doc, error) {
	path := in.Path(SettingsFile)
	// Not kept beside what is parsed of it: the file may be large.
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parseSettings(path, data)
}

func parseSettings(path string, data []byte) (*jsonedit.Doc, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, &FileError{File: path, Found: "nothing in it", Expected: "a JSON object"}
	}
	doc, err := jsonedit.Parse(data)
	if err != nil {
		return nil, &FileError{File: path, Line: jsonLine(data, err), Found: "no strict JSON", Expected: "one whole JSON object without duplicate keys; the file is left alone", Err: err}
	}
	return doc, nil
}

// EditSettings changes config/general-settings.json. Every byte that f does
// not change stays, and so do mode and owner. DSS must be stopped, else the
// error is a *NotStoppedError; when f changes nothing, nothing is written.
func (in *Instance) EditSettings(ctx context.Context, f func(*jsonedit.Doc) error) error {
	return in.edit(ctx, SettingsFile, 0, func(data []byte) ([]byte, error) {
		doc, err := parseSettings(in.Path(SettingsFile), data)
		if err != nil {
			return nil, err
		}
		if err := f(doc); err != nil {
			return nil, err
		}
		return doc.Bytes(), nil
	})
}

// InstallINI reads install.ini.
func (in *Instance) InstallINI() (*iniedit.File, error) {
	if in.frozen != nil {
		return in.frozen.ini.get(in.readINI, (*iniedit.File).Clone)
	}
	return in.readINI()
}

func (in *Instance) readINI() (*iniedit.File, error) {
	path := in.Path(InstallINIFile)
	data, err := in.readFile(path)
	if err != nil {
		return nil, err
	}
	return parseINI(path, data)
}

func parseINI(path string, data []byte) (*iniedit.File, error) {
	file, err := iniedit.Parse(data)
	if err != nil {
		return nil, &FileError{File: path, Found: "no readable INI", Expected: "[section] lines and key = value lines", Err: err}
	}
	return file, nil
}

// EditInstallINI changes install.ini, like EditSettings. DSS uses the change
// after `dssadmin regenerate-config`.
func (in *Instance) EditInstallINI(ctx context.Context, f func(*iniedit.File) error) error {
	return in.edit(ctx, InstallINIFile, 0, func(data []byte) ([]byte, error) {
		file, err := parseINI(in.Path(InstallINIFile), data)
		if err != nil {
			return nil, err
		}
		if err := f(file); err != nil {
			return nil, err
		}
		return file.Bytes(), nil
	})
}

// EnvDefault reads the variables that bin/env-default.sh sets. The error is
// fs.ErrNotExist where there is no such file.
func (in *Instance) EnvDefault() (map[string]string, error) {
	data, err := in.readFile(in.Path(EnvDefaultFile))
	if err != nil {
		return nil, err
	}
	return ParseEnvFile(data).Values(), nil
}

// EditEnvDefault changes bin/env-default.sh, like EditSettings.
func (in *Instance) EditEnvDefault(ctx context.Context, f func(*EnvFile) error) error {
	return in.edit(ctx, EnvDefaultFile, 0, func(data []byte) ([]byte, error) {
		file := ParseEnvFile(data)
		if err := f(file); err != nil {
			return nil, err
		}
		return file.Bytes(), nil
	})
}

// Properties reads config/dip.properties. The error is fs.ErrNotExist where
// there is no such file.
func (in *Instance) Properties() (*Properties, error) {
	data, err := in.readFile(in.Path(PropertiesFile))
	if err != nil {
		return nil, err
	}
	return ParseProperties(data), nil
}

// EditProperties changes config/dip.properties, like EditSettings. A file that
// does not exist is made, for its owner alone.
func (in *Instance) EditProperties(ctx context.Context, f func(*Properties) error) error {
	return in.edit(ctx, PropertiesFile, 0o600, func(data []byte) ([]byte, error) {
		file := ParseProperties(data)
		if err := f(file); err != nil {
			return nil, err
		}
		return file.Bytes(), nil
	})
}

// BasePort reads the base port from install.ini.
func (in *Instance) BasePort() (int, error) {
	h, err := in.head()
	return h.port, err
}
