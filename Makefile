# Everything a newcomer needs: `make demo` shows the main job, `make test` proves it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
NEEDS := requirements/runtime.txt requirements/dev.txt requirements/scale.txt requirements/pcsc.txt pyproject.toml

# Tests of the insurer that run on both databases; the others (pages above all) run on PostgreSQL. `make soak` runs
# those of ON_SQLITE_IN_SOAK there, too.
ON_SQLITE_TOO := audit intake operations eprescriptions/test_eprescription_browser.py
ON_SQLITE_IN_SOAK := datacentre eprescriptions faults

.PHONY: help setup demo test lint bench fuzz soak docs lock sbom site wheel clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1	\2/'

setup: $(STAMP)  ## make .venv with everything in it

$(STAMP): $(NEEDS)
	@echo "==> Setting up $(VENV) (once; a few minutes on a slow line)"
	@PYTHON="$(PYTHON)" sh tools/venv.sh $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt -r requirements/dev.txt -r requirements/scale.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@sh tools/pcsc.sh $(VENV)
	@sh tools/browser.sh
	@echo "==> Compiling the fast reader (once)"
	@$(BIN)/python -c "from nhicard.formats import read; read(b'<RECS><REC></REC></RECS>', reader='kernel')"
	@touch $@

demo: setup  ## check the official 1.0 example and a generated 2.0 file
	@BIN=$(BIN) bash tools/demo.sh

lint: setup  ## style, types, room boundaries
	@echo "==> ruff, mypy, import-linter"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test soak: export TMPDIR := $(shell sh tools/quick_folder.sh)
# Hundreds of processes are started; each would compile what it imports.
unexport PYTHONDONTWRITEBYTECODE

test: lint  ## lint, then the whole test suite
	@echo "==> the insurer on PostgreSQL"
	$(BIN)/python tools/with_postgresql.py $(BIN)/python -m pytest tests/insurer
	@echo "==> everything else, and of the insurer on SQLite what hangs on the database"
	$(BIN)/python -m pytest $(filter-out tests/insurer,$(patsubst %/,%,$(wildcard tests/*/))) $(wildcard tests/test_*.py) $(addprefix tests/insurer/,$(ON_SQLITE_TOO))

FUZZ_MINUTES ?= 10
SOAK_MINUTES ?= 5
# A later part of `make soak` that takes longer than this many minutes has failed.
SOAK_LIMIT ?= 30

fuzz: setup  ## fuzz the parsers for FUZZ_MINUTES (10), then the property tests and state machines, much longer
	$(BIN)/python -m tests.fuzz.run --minutes $(FUZZ_MINUTES)
	timeout $(FUZZ_MINUTES)m $(BIN)/python -m pytest -x -m "" --hypothesis-profile=fuzz -n 2 tests/properties tests/fuzz tests/institution/agent/test_outbox_machine.py $(wildcard tests/insurer/faults/test_*_machine.py) tests/insurer/faults/test_described_apis.py || [ $$? = 124 ]

soak: setup  ## chaos for SOAK_MINUTES (5), then kill receivers, workers and agents 200 times each, and what else takes long
	$(BIN)/python -m tests.insurer.faults.chaos --minutes $(SOAK_MINUTES)
	timeout $(SOAK_LIMIT)m $(BIN)/python tools/with_postgresql.py $(BIN)/python -m pytest -n0 -m soak tests/insurer
	timeout $(SOAK_LIMIT)m $(BIN)/python -m pytest -n0 -m soak --ignore=tests/insurer
	timeout $(SOAK_LIMIT)m $(BIN)/python -m pytest $(addprefix tests/insurer/,$(ON_SQLITE_IN_SOAK))

bench: setup  ## measure the budgets of docs/performance.md
	$(BIN)/nhicard bench

docs: setup  ## regenerate the rule reference
	$(BIN)/python -m nhicard.checks.rule_docs docs/rules.md
	$(BIN)/python -m nhicard.formats.assumption_docs docs/assumptions.md
	$(BIN)/python -m nhicard.checks.reference.list_docs docs/reference-lists.md
	$(BIN)/python -m nhicard.institution.visits.page docs/visits.md
	$(BIN)/python -m nhicard.institution.mending.repair_docs docs/mending.md
	$(BIN)/python tools/architecture.py docs/images/architecture.svg

lock: setup  ## pin the newest versions again, with hashes and without index addresses
	$(BIN)/python -m pip install --quiet pip-tools
	for set in runtime dev scale pcsc; do $(BIN)/pip-compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --strip-extras --allow-unsafe --output-file requirements/$$set.txt requirements/$$set.in; done

sbom:  ## bill of materials (CycloneDX) from the pins, and what is known of their vulnerabilities
	$(PYTHON) tools/sbom.py
	@sh tools/audit.sh $(BIN)/pip-audit

site: setup  ## build the documentation site into site/, strictly
	$(BIN)/python -m mkdocs build --strict

wheel: setup  ## build the wheel and use it outside the checkout
	bash tools/wheel.sh

clean:  ## remove what setup, tests and demo made
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .import_linter_cache .hypothesis
