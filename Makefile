# make demo: install and train on the digits.  make test: install and run every test.
# On systems other than Windows the commands below are in .venv/bin.
.PHONY: demo test check bench docs clean help

VENV := .venv
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(PIP_ARGS)

demo: $(VENV)/.installed
	$(BIN)/sparring demo

test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto $(PYTEST_ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/step_cost.py
	$(BIN)/python benchmarks/quality.py
	$(BIN)/python benchmarks/supervised.py digits tables speed

$(VENV)/bin/python $(VENV)/Scripts/python:
	@test -n "$(PYTHON)" || { echo "Sparring needs Python 3.11 or newer; none was found. Try: make PYTHON=/path/to/python3" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV) (a minute or so, once) ..."
	$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(INSTALL) -e ".[dev]"
	@touch $@

docs: $(VENV)/.installed
	$(BIN)/python -c 'from sparring.cli.app import app; print(app.generate_docs(output_format="markdown"))' > docs/commands.md
	$(BIN)/python docs/recipe_settings.py

clean:
	rm -rf $(VENV)

help:
	@echo "make demo | test | check | bench | docs | clean"
