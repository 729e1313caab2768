# Needs: python3 (3.11 or newer) with venv. Everything made here stays in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
PYTEST_ARGS ?=
RUN_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run demo test check bench docs clean

help:  ## print this
	@sed -n 's/^\([a-z]*\):.*##/\1/p' $(MAKEFILE_LIST) | awk '{name = $$1; $$1 = ""; printf "  make %-7s%s\n", name, $$0}'

run: demo  ## install into .venv and run the bundled demo

demo: $(STAMP)  ## run the bundled demo
	@$(BIN)/treadle demo $(RUN_ARGS)

test: $(STAMP)  ## run the tests (PYTEST_ARGS="-k retry" for some)
	@$(BIN)/python -m pytest -q $(PYTEST_ARGS)

check: $(STAMP)  ## format, lint, strict types, import laws
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_docs.py

bench: $(STAMP)  ## measure, with the numbers printed
	@$(BIN)/python -m benchmarks $(RUN_ARGS)

docs: $(STAMP)  ## print the pages that are made from the code
	@$(BIN)/python docs/generate.py

clean:  ## take away .venv and the caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Treadle needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python came without venv: install python3-venv."; exit 1; }
	@echo "Installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)
