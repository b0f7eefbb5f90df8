# Crowdcue: what people do with a checkout, one target for each. `make` alone tells what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080
NODES ?= 5
SEEDS ?= 100000
# Browsers keep a core busy each; most other tests wait for servers. A file's tests share its servers.
BROWSERS := -n 2 --dist loadfile
PYTEST := -n 3 --dist loadfile

# What is run is compiled when it is first run, and then kept, whatever the shell says: the tests start some hundred
# processes, and most of what is installed never runs.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup web tools party cluster check format test test-long simulate load screenshots gallery \
	all-tools check-style check-types check-web check-known web-tests
# What does not depend on each other is made two at a time, and each tells what it has to say in one piece.
TWO := $(MAKE) --no-print-directory --jobs=2 --output-sync=target

help:  ## Tell what can be made
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

# Setting up: each stamp is made anew only when what it depends on changes.

.setup/python: pyproject.toml requirements.txt hatch_build.py server/crowdcue/faces/queue.proto
	@mkdir -p .setup
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint requirements.txt --editable '.[dev]'
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

check: check-types check-web check-known check-style  ## Lint, types, and known vulnerabilities of what is depended on

check-style: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check

check-types: setup
	$(BIN)/mypy

check-web: .setup/node
	cd web && npm run --silent check

check-known: setup .setup/node
	.ci/audit

format: setup .setup/node  ## Put everything into its one format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	cd web && npm run --silent format

web-tests: .setup/node
	cd web && npm run --silent test

all-tools: setup web tools

test:  ## Everything but the long tests
	@$(TWO) all-tools
	@$(TWO) check web-tests
	$(BIN)/python -m pytest $(BROWSERS) -m "web and not long"
	$(BIN)/python -m pytest $(PYTEST) -m "not web and not long"

test-long: setup web tools  ## All tests, the long ones too: faults, simulation, large libraries
	$(BIN)/python -m pytest $(BROWSERS) -m "not alone"
	CROWDCUE_TEST_BROWSER=/usr/bin/chromium $(BIN)/python -m pytest -m alone

simulate: setup  ## Run SEEDS simulated parties under faults; a failing one is told as a story
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)

# Measuring and showing

load: setup tools  ## Measure under load: make load ARGS="fanout --json out.json"
	$(BIN)/python -m loadtest $(or $(ARGS),votes)

screenshots: setup web tools  ## Make the pictures of the documents
	$(BIN)/python -m tests.web.screenshots

gallery: setup web tools  ## Take pictures of every page at every size, to look at: test-output/gallery/index.html
	$(BIN)/python -m tests.web.gallery $(ARGS)
