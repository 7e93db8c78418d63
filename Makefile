# make demo and make test do all their own set-up (scripts/setup).

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
export GOFLAGS := -buildvcs=false

.PHONY: help build setup test test-long lint fmt docs man demo bench fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/dssctl
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/dssctl ./cmd/dssctl

setup: ## install what the tests and the demo need and the machine lacks
	@scripts/setup

test: setup ## run all tests, with the race detector, never as root
	@scripts/test ./...

test-long: setup ## kill dssctl at each of its system calls, instead of at each kind of them
	@DSSCTL_TEST_LONG=$${DSSCTL_TEST_LONG:-1} scripts/test ./cmd/dssctl -run 'TestKilledAnywhereThenRecover|TestUpgradeKilledThenRecover|TestUpgradeFails|TestBackupKilledAnywhere|TestRestoreKilledAnywhere|TestOrigin|TestKilledAnywhereDSSComesBack|TestHangUpAtEachRecord|TestReaderGoneAtEachRecord|TestGuardOfAMove' -v -timeout 6h

lint: ## run the linters
	@scripts/lint

fmt: ## format the Go files
	@scripts/lint --fix

docs: ## write the generated reference pages again
	go test ./cmd/dssctl -run TestReferencePages -update

man: ## write the manual pages and the shells' completions into bin/share
	DSSCTL_MAN=$(CURDIR)/bin/share go test ./cmd/dssctl -count 1 -run TestManPages

demo: setup build ## the main job on a simulated DSS, with real H2 and PostgreSQL
	@scripts/demo

bench: setup build ## measure, and write docs/benchmarks.md
	@scripts/bench

fuzz: ## fuzz every target for FUZZTIME each (default 30s)
	@scripts/fuzz

clean: ## remove what was built
	rm -rf bin .cache
