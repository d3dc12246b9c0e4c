# Two commands on a fresh machine: `make demo` and `make test`. Both need only Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2
KILLS ?= 200
SEED ?= 1
SEEDS ?= 10000

.PHONY: demo soak sim test lint fmt types unit clean help lock fuzz bench mutants

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# Pinned by constraints.txt: the same packages on every machine.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "rotator needs Python >= 3.11; this is $$($(PYTHON) -V). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)  ## the whole job in the sandbox, under live traffic
	@$(BIN)/rotate demo

test: lint types unit  ## everything: lint, types, import contracts, tests

lint: $(READY)  ## style and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache | tail -n 4

types: $(READY)  ## mypy, strict
	$(BIN)/mypy

unit: $(READY)  ## the tests
	$(BIN)/python -m pytest -n $(JOBS) --dist=loadgroup

sim: $(READY)  ## simulated rotations: make sim SEEDS=100000
	$(BIN)/python -m rotator.sandbox.sim --seeds $(SEEDS) --jobs $(JOBS)

soak: $(READY)  ## real processes, killed and stopped at random: make soak KILLS=200 SEED=1
	$(BIN)/python -m rotator.sandbox.soak --kills $(KILLS) --seed $(SEED) --json soak.json

fuzz: $(READY)  ## hostile files, servers and journals, deeper: FUZZ=50 times the examples of `make test`
	ROTATOR_FUZZ=$(or $(FUZZ),20) $(BIN)/python -m pytest -n $(JOBS) --timeout=3600 tests/fuzz

mutants: $(READY)  ## blind mutations, all of them; goes on from mutants.jsonl: make mutants, or a sample: COUNT=200 SEED=1
	$(BIN)/python -m tests.planted.mutate --count $(or $(COUNT),0) --seed $(SEED) --jobs $(JOBS)

bench: $(READY)  ## what the tool costs, as ratios: one table, and bench.json
	$(BIN)/python -m tests.bench

fmt: $(READY)  ## format the sources
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

lock: $(READY)  ## write constraints.txt anew from what is installed
	$(BIN)/python -m pip freeze --exclude-editable > constraints.txt

clean:  ## remove what was made
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis dist
