package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/view"
)

// valuesOptions are the flags of output.
type valuesOptions struct {
	varOptions
	json, raw bool
}

func newOutputCommand(w *world) *cobra.Command {
	var o valuesOptions
	cmd := &cobra.Command{
		Use:   "output [-json | -raw] [NAME]",
		Short: "Print the values of the outputs",
		Long: `Print the values of the output blocks, or of one. They are made of what the files
declare, each time anew: no instance is looked at, and nothing need be applied.

With -raw, one output that is a string, a number or a truth value is printed as
it is, for scripts. A sensitive output is never printed.
` + exitStatusHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return w.runOutput(o, args) },
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	cmd.Flags().BoolVar(&o.raw, "raw", false, "print the value alone, without quotes and without a newline")
	return cmd
}

func (w *world) runOutput(o valuesOptions, args []string) error {
	switch {
	case o.raw && o.json:
		return fmt.Errorf("-raw and -json are two ways to print: give one of them")
	case o.raw && len(args) == 0:
		return fmt.Errorf("-raw prints one output: name it, as in dssctl output -raw NAME")
	}
	estate, err := w.loadEstate(o.varOptions, nil)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		if o.json {
			return w.outputsJSON(estate.Outputs)
		}
		if len(estate.Outputs) == 0 {
			_, err := fmt.Fprintln(w.stdout(), "The estate has no output block.")
			return err
		}
		return w.showOutputs(estate, false)
	}
	one, err := findOutput(estate.Outputs, args[0])
	switch {
	case err != nil:
		return err
	case o.raw:
		return w.outputRaw(one)
	case o.json:
		raw, err := outputJSON(one)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.stdout(), "%s\n", raw)
		return err
	}
	_, err = fmt.Fprintln(w.stdout(), config.FormatValue(one.Value))
	return err
}

func findOutput(all []config.Output, name string) (config.Output, error) {
	names := make([]string, 0, len(all))
	for _, o := range all {
		if o.Name == name {
			return o, nil
		}
		names = append(names, o.Name)
	}
	return config.Output{}, fmt.Errorf("there is no output %q.%s", name, config.DidYouMean(name, names))
}

// outputRaw prints one value for a script.
func (w *world) outputRaw(o config.Output) error {
	if o.Sensitive {
		return fmt.Errorf("output %s is sensitive, and dssctl prints no secret", o.Name)
	}
	text, err := convert.Convert(o.Value, cty.String)
	if err != nil || text.IsNull() {
		return fmt.Errorf("output %s is %s: -raw prints strings, numbers and truth values; use -json", o.Name, o.Value.Type().FriendlyName())
	}
	_, err = fmt.Fprint(w.stdout(), text.AsString())
	return err
}

// outputJSON is a value as JSON; null for a sensitive one.
func outputJSON(o config.Output) (json.RawMessage, error) {
	if o.Sensitive {
		return json.RawMessage("null"), nil
	}
	raw, err := ctyjson.Marshal(o.Value, o.Value.Type())
	if err != nil {
		return nil, fmt.Errorf("write output %s as JSON: %w", o.Name, err)
	}
	return raw, nil
}

func (w *world) outputsJSON(all []config.Output) error {
	type output struct {
		Value       json.RawMessage `json:"value"`
		Description string          `json:"description,omitempty"`
		Sensitive   bool            `json:"sensitive"`
	}
	out := make(map[string]output, len(all))
	for _, o := range all {
		raw, err := outputJSON(o)
		if err != nil {
			return err
		}
		out[o.Name] = output{raw, o.Description, o.Sensitive}
	}
	enc := json.NewEncoder(w.stdout())
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// showOutputs prints the outputs, under a heading where they stand behind
// something else.
func (w *world) showOutputs(estate *config.Estate, heading bool) error {
	rows := make([]view.OutputRow, 0, len(estate.Outputs))
	for _, o := range estate.Outputs {
		rows = append(rows, view.OutputRow{Name: o.Name, Value: config.FormatValue(o.Value)})
	}
	return view.Outputs(w.stdout(), rows, heading, w.style(w.out))
}

// afterwards prints the outputs behind an apply that went well.
func (w *world) afterwards(estate *config.Estate, asJSON bool, err error) error {
	if err != nil || asJSON {
		return err
	}
	return w.showOutputs(estate, true)
}
