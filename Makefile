# Everything a person or CI runs. Needs Python 3.11 or newer, git and make, and nothing else.
# PYTHON chooses the interpreter for a new .venv; ARGS goes to pytest: make test ARGS="tests/unit -x".
# WORKERS is how many processes the tests run in: one for each core unless you say otherwise; 0 is this process alone.
PYTHON ?= python3
ARGS ?=
WORKERS ?= auto
# EXTRAS installs optional parts too: make setup EXTRAS=spark (about 500 MB).
EXTRAS ?=

BIN := .venv/bin
COMMA := ,
STAMP := .venv/installed$(addprefix -,$(subst $(COMMA),-,$(EXTRAS)))
LOG := .venv/install.log

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all kill-test lint format docs bench clean
MAKEFLAGS += --no-print-directory
# Tests start hundreds of processes: each would compile the package anew where the environment forbids to keep what was.
unexport PYTHONDONTWRITEBYTECODE

help:
	@echo "make run       set up, then three nights of a sample shop"
	@echo "make test      set up, then the default test suite (ARGS=... goes to pytest)"
	@echo "make test-all  the same with the long profiles, minutes to hours"
	@echo "make kill-test kill dispatchers at random while 5,000 messages leave, and print what became of them (minutes)"
	@echo "make lint      ruff, mypy, import rules"
	@echo "make format    let ruff format and sort"
	@echo "make docs      write docs/language.md anew from the models"
	@echo "make bench     measure (ARGS=door, moves, workers, year and others: docs/performance.md)"
	@echo "make clean     remove .venv and caches (never var/ or data/)"

setup: $(STAMP)
	@:

# Installed once; again only when the versions or the package's metadata change. Afterwards no network is needed.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "setup: Python 3.11 or newer is needed, but '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not there)." >&2; \
	  echo "setup: name one that is: make setup PYTHON=python3.13" >&2; exit 1; }
	@echo "setup: installing pinned versions into .venv with $$($(PYTHON) --version), one to three minutes"
	@{ test -x $(BIN)/python || $(PYTHON) -m venv .venv > /dev/null; } || { rm -rf .venv; \
	  echo "setup: could not make .venv (on Debian: apt-get install python3-venv)." >&2; exit 1; }
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input -c constraints.txt -e '.[dev$(addprefix $(COMMA),$(EXTRAS))]' \
	  > $(LOG) 2>&1 || { grep -v '^WARNING' $(LOG) | tail -n 20 >&2; \
	  echo "setup: the installation failed; the whole log is in $(LOG)." >&2; exit 1; }
	@touch .venv/installed $@

run: setup
	@$(BIN)/python -m journey_engine.tour

test: setup
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile $(ARGS)

test-all: setup
	@JOURNEY_LONG=1 HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile $(ARGS)

kill-test: setup
	@JOURNEY_LONG=1 $(BIN)/python -m pytest -q -s tests/mailroom/test_kills.py $(ARGS)

lint: setup
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > .venv/imports.log 2>&1 || { cat .venv/imports.log >&2; exit 1; }
	@echo "lint: ruff, mypy and the import rules found nothing"

format: setup
	@$(BIN)/ruff check --quiet --fix --exit-zero .
	@$(BIN)/ruff format --quiet .

docs: setup
	@$(BIN)/journey schema --markdown > .venv/language.md && cp .venv/language.md docs/language.md

bench: setup
	@$(BIN)/python -m bench $(ARGS)

# Leaves var/ and data/ alone: the mailroom in var/ is what keeps a message from going out twice.
clean:
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	@find src tests flows bench -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
