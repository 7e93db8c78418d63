package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/reference"
)

func newSchemaCommand(w *world) *cobra.Command {
	var asJSON, jsonSchema bool
	cmd := &cobra.Command{
		Use:   "schema [-json | -json-schema]",
		Short: "Print the blocks and attributes of the language",
		Long: `Print the blocks and attributes that the files may hold: as a page of Markdown;
with -json for programs; with -json-schema as a JSON Schema (draft 2020-12) of
files *.dss.hcl.json, for editors and checks.
` + exitStatusHelp,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return w.runSchema(asJSON, jsonSchema) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&jsonSchema, "json-schema", false, "print a JSON Schema of *.dss.hcl.json")
	return cmd
}

func (w *world) runSchema(asJSON, jsonSchema bool) error {
	all, _ := w.aspects()
	root := config.RootSchema(instanceSchema(all))
	write := reference.JSON
	switch {
	case asJSON && jsonSchema:
		return errors.New("-json and -json-schema are two ways to print: give one of them")
	case jsonSchema:
		write = reference.JSONSchema
	case !asJSON:
		return reference.Page(root, w.stdout())
	}
	raw, err := write(root)
	if err != nil {
		return err
	}
	_, err = w.stdout().Write(append(raw, '\n'))
	return err
}
