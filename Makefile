# Targets for developers. They want .venv, which ./test makes.
BIN := .venv/bin
PYTHON := $(BIN)/python

unexport PYTHONDONTWRITEBYTECODE  # each process would compile everything anew

.DEFAULT_GOAL := help
.PHONY: help check lint fast test bench tour mutants docs console wheel pictures prove simulate soak clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: lint fast  ## lint, types, layers, tidy, unit and contract tests: under a minute

lint:  ## only lint, types and layers
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

fast:  ## only the fast tests
	$(PYTHON) -m pytest tests/unit tests/contract tests/tidy --part fast -q -n 2

test:  ## everything this machine can test, with all set-up
	./test

bench:  ## one benchmark: make bench NAME=migrate
	$(PYTHON) -m benchmarks $(NAME)

tour:  ## the main job on real hypervisors, in about two minutes
	$(BIN)/anypool tour

mutants:  ## which mistake in planners and judges does which scenario see (some minutes)
	$(PYTHON) -m scripts.mutants

docs:  ## write the generated pages of docs/reference
	$(PYTHON) -m scripts.reference

console:  ## the web console, if its sources changed
	$(PYTHON) -m scripts.console

wheel: console  ## the wheel and the source archive, in dist
	$(PYTHON) -m build --no-isolation

pictures:  ## record the pictures of the documentation, while ./run goes on elsewhere
	$(PYTHON) -m scripts.recording
	$(PYTHON) -m scripts.console_pictures

prove:  ## the long searches for a broken promise
	mkdir -p docs/proofs
	TEST_PROFILE=prove TEST_SEEDS=4000 TEST_EXAMPLES=200 $(PYTHON) -m pytest \
		tests/simulation tests/unit tests/service/test_schema.py tests/service/test_postgres_cut.py \
		tests/lab/test_zombie.py -n 2 2>&1 | tee "docs/proofs/$$(date -u +%F)-$$(git rev-parse --short HEAD).log"
	TEST_PROFILE=prove $(PYTHON) -m pytest tests/lab/test_ha.py tests/lab/test_agent.py \
		tests/lab/test_once_kill.py tests/lab/test_once_network.py tests/lab/test_once_plans.py \
		tests/lab/test_wardens.py tests/lab/test_chaos.py -s 2>&1 \
		| tee -a "docs/proofs/$$(date -u +%F)-$$(git rev-parse --short HEAD).log"

prove-hypervisor:  ## once, for real: a blade without a disk becomes a host and runs a VM (20 minutes)
	$(PYTHON) -m tests.lab.prove_hypervisor $${TMPDIR:-/var/tmp}/anypool-hypervisor

prove-replacement:  ## once, for real: a host dies, a spare replaces it, VMs move there, it is given back (3 minutes)
	$(PYTHON) -m tests.lab.prove_replacement

FAULTS ?= 10000
SEED ?= 1

simulate:  ## everything under simulated time and seeded faults: make simulate FAULTS=10000 SEED=1
	$(PYTHON) -m tests.simulation.trial --faults $(FAULTS) --seed $(SEED)

soak:  ## a million simulated faults; goes on where it was stopped
	mkdir -p docs/proofs
	nice -n 19 $(PYTHON) -m tests.simulation.trial --faults 1000000 --seed 100000 \
		--log docs/proofs/soak.jsonl

clean:  ## remove what was built here; the state folder stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
