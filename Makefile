# Crowdcue: what people do with a checkout, one target for each. `make` alone tells what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080
NODES ?= 5

.DEFAULT_GOAL := help
.PHONY: help setup web tools party cluster test test-long check format

help:  ## Tell what can be made
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

# Setting up: each stamp is made anew only when what it depends on changes.

.setup/python: pyproject.toml requirements.txt hatch_build.py server/crowdcue/faces/queue.proto
	@mkdir -p .setup
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.txt --editable '.[dev]'
	@touch $@

.setup/node: web/package.json web/package-lock.json
	@mkdir -p .setup
	cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: .setup/node $(shell find web/src web/public web/*.html web/*.ts web/*.js -type f 2>/dev/null)
	cd web && npm run --silent build
	@touch $@

setup: .setup/python  ## Make the virtual environment with .venv/bin/crowdcue

web: web/dist/index.html  ## Build the web pages

tools:
	@.ci/tools

# Using

party: setup web  ## Serve a party from this machine
	$(BIN)/crowdcue serve --port $(PORT) $(ARGS)

cluster: setup web tools  ## Serve from NODES nodes behind Nginx, with Redis, on this machine
	$(BIN)/python -m loadtest.cluster --nodes $(NODES) --port $(PORT) $(ARGS)

# Checking

check: setup .setup/node  ## Lint and types, Python and TypeScript
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	cd web && npm run --silent check

format: setup .setup/node  ## Put everything into its one format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	cd web && npm run --silent format

test: setup web tools check  ## Everything but the long tests
	cd web && npm run --silent test
	$(BIN)/python -m pytest

test-long: setup web tools  ## The long tests: faults, simulation, large libraries
	$(BIN)/python -m pytest -m "long or not long"
