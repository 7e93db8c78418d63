package main

import (
	"fmt"
	"os/exec"

	"github.com/dssctl/dssctl/internal/bench/fleet"
	"github.com/dssctl/dssctl/internal/bench/measure/timing"
)

// terraformEnv keeps Terraform off the network and out of a person's settings.
func terraformEnv() []string {
	return append(environ(), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=/dev/null", "TF_IN_AUTOMATION=1")
}

func findTerraform() string {
	path, err := exec.LookPath("terraform")
	if err != nil {
		return ""
	}
	return path
}

func (b *bench) terraformJob(name, dir string, args ...string) timing.Job {
	return timing.Job{Name: name, Argv: append([]string{b.terraform}, args...), Dir: dir, Env: terraformEnv()}
}

// terraformDir makes n resources of a shape and the state that says that they
// are there.
func (b *bench) terraformDir(n int, s fleet.Shape) (string, error) {
	state, err := fleet.TerraformState(n, s)
	if err != nil {
		return "", err
	}
	dir, err := b.folder(fmt.Sprintf("terraform-%s-%d", s, n), map[string]string{
		"main.tf": fleet.Terraform(n, s), "terraform.tfstate": string(state),
	})
	if err != nil {
		return "", err
	}
	_, err = b.do(b.terraformJob("init", dir, "init", "-input=false"))
	return dir, err
}
