# The commands around the code; `make` alone lists them. None needs more than
# Go on a Debian-like machine: what is missing, deploy/install.sh installs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory --no-builtin-rules

# Services and containers often have no home folder, and Go needs one.
ifeq ($(HOME),)
export HOME := $(shell deploy/install.sh home-dir)
endif
# Built programs live outside the checkout, where clones and runs share them.
export QUAD_CACHE := $(shell deploy/install.sh cache-dir)
export GOLANGCI_LINT_CACHE ?= $(QUAD_CACHE)/golangci-lint
TOOLS = $(shell deploy/install.sh tools-dir)

# What `make test` runs: PKG=./internal/people/ RUN=TestLogin narrow it down.
PKG ?= ./...
RUN ?=
TESTFLAGS ?= -race
# `make lint` has vetted the tests already, and nobody debugs these binaries:
# together a third of the time that building them takes.
QUICKER := -vet=off -ldflags='-s -w'
# Packages at once: one more than there are processors, because the tests that
# kill workers mostly wait.
TEST_PACKAGES ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# The longest that one package, and the whole run, may take. At a terminal the
# run stays in the foreground for Ctrl-C; elsewhere the limit ends all of it.
TEST_TIMEOUT ?= 30m
TEST_LIMIT ?= 75m
LIMIT = timeout $(if $(CI),,--foreground) --verbose --kill-after=60s $(TEST_LIMIT)
# Passed on to the programs of run, demo and bench.
ARGS ?=

SCRIPTS := $(wildcard deploy/*.sh deploy/*/*.sh tools/*.sh bench/*.sh) .ci/run

.PHONY: help
help: ## List the commands
	@printf 'Usage: make <command>\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@printf '\nmake test takes PKG=./internal/people/ and RUN=TestLogin; make run, demo and bench take ARGS="…".\n'

.PHONY: run
run: ## Install what is missing, build, and run the whole hub in this terminal
	@deploy/install.sh run
	@$(MAKE) build
	@exec bin/quad dev $(ARGS)

.PHONY: demo
demo: build ## Run the main job against the hub that `make run` started
	@exec bin/quad demo $(ARGS)

.PHONY: build
build: ## Build bin/quad
	CGO_ENABLED=0 go build -trimpath -o bin/quad ./cmd/quad

# The runner is built, not `go run`, so that it gets the signals and its exit
# code is passed on.
.PHONY: test
test: ## Check, then test everything on real PostgreSQL, Redis and Temporal
	@deploy/install.sh test
	@$(MAKE) lint $(if $(filter ./...,$(PKG)),deployment)
	go build -o bin/testenv ./internal/testenv/run
	@exec $(LIMIT) bin/testenv -- \
		$(TOOLS)/gotestsum --format standard-quiet --post-run-command tools/test-summary.sh -- \
		$(TESTFLAGS) $(QUICKER) -p $(TEST_PACKAGES) -timeout $(TEST_TIMEOUT) $(if $(RUN),-run '$(RUN)') $(PKG)

.PHONY: bench
bench: ## Measure against the limits; prints a table, writes bench/out/latest.json
	@deploy/install.sh run
	go build -o bin/bench ./bench
	@exec bin/bench $(ARGS)

.PHONY: check
check: ## All checks that need no server: lint, contracts, deployment files
	@deploy/install.sh test
	@$(MAKE) lint contracts deployment
	go test ./internal/arch/

.PHONY: lint
lint: tools ## Static checks: golangci-lint, determinism of workflows, scripts
	$(TOOLS)/golangci-lint run ./...
	$(TOOLS)/workflowcheck ./workflows/...
	@if command -v shellcheck >/dev/null; then echo shellcheck $(SCRIPTS) && shellcheck $(SCRIPTS); \
	else echo 'shellcheck is not installed: scripts not checked (deploy/install.sh test installs it)'; fi

.PHONY: contracts
contracts: ## Validate the OpenAPI documents of all doors
	go test -count=1 -run '^TestContract' ./internal/arch/

# A module of its own, whose parsers the hub does not need. The files it reads
# are outside of it, where Go's test cache does not see them change.
.PHONY: deployment
deployment: ## Validate the image, compose file, manifests, alerts and manual
	go test -C deploy/validate -count=1 ./...

.PHONY: fmt
fmt: tools ## Format the Go code (gofmt, goimports)
	$(TOOLS)/golangci-lint fmt ./...

.PHONY: generate
generate: ## Run the code generators
	go generate ./...

.PHONY: tools
tools: ## Build the pinned developer tools (once)
	@deploy/install.sh tools

.PHONY: clean
clean: ## Remove what was built here; data in .quad/ and the shared cache stay
	rm -rf bin bench/out coverage.out
