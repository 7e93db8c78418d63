package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dssctl/dssctl/config"
)

// withEnvironment puts the words of DSSCTL_ARGS and DSSCTL_ARGS_command behind
// the command's name, as Terraform does with TF_CLI_ARGS.
func withEnvironment(root *cobra.Command, args []string, getenv func(string) string) []string {
	for i, a := range args {
		if strings.HasPrefix(a, "-") || i > 0 && strings.TrimLeft(args[i-1], "-") == "chdir" {
			continue
		}
		cmd, _, err := root.Find(args[i : i+1])
		if err != nil || cmd == root {
			return args
		}
		extra := append(strings.Fields(getenv("DSSCTL_ARGS")), strings.Fields(getenv("DSSCTL_ARGS_"+cmd.Name()))...)
		return append(append(append([]string(nil), args[:i+1]...), extra...), args[i+1:]...)
	}
	return args
}

// normalize turns -long into --long: Terraform users' fingers and CI scripts
// write one dash. Only names that are flags somewhere are touched, and nothing
// behind "--".
func normalize(root *cobra.Command, args []string) []string {
	long := map[string]bool{"help": true, "version": true}
	collect(root, long)
	out := make([]string, len(args))
	copy(out, args)
	for i, a := range out {
		if a == "--" {
			break
		}
		name, ok := strings.CutPrefix(a, "-")
		if !ok || strings.HasPrefix(name, "-") {
			continue
		}
		name, _, _ = strings.Cut(name, "=")
		if len(name) > 1 && long[name] {
			out[i] = "-" + a
		}
	}
	return out
}

func collect(cmd *cobra.Command, long map[string]bool) {
	add := func(f *pflag.Flag) { long[f.Name] = true }
	cmd.Flags().VisitAll(add)
	cmd.PersistentFlags().VisitAll(add)
	for _, c := range cmd.Commands() {
		collect(c, long)
	}
}

// unknownFlag says which flag was probably meant, and where to look.
func unknownFlag(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) {
		return err
	}
	name := missing.GetSpecifiedShortnames() // all of -chek, which is taken for -c -h -e -k
	if name == "" {
		name = missing.GetSpecifiedName()
	}
	name, _, _ = strings.Cut("-"+name, "=")
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "-"+f.Name) })
	return fmt.Errorf("%s has no flag %s.%s Its flags are shown by: %[1]s -help", cmd.CommandPath(), name, config.DidYouMean(name, names))
}

// choices tells the shell what a flag can be.
func choices(cmd *cobra.Command, flag string, values ...string) {
	// It fails only for a flag that is not there, which the tests would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
