# make demo: install into .venv and fit the Lorenz set; make test: install with the test tools and run the tests;
# make campaign: hostile input, kills and faults for MINUTES (20) with SEED (0); see tests/campaigns;
# make docs: run the examples and build the site of the documentation into site/.
# A Python ≥ 3.11 is taken from PYTHON, python3 by default.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
SEED ?= 0
MINUTES ?= 20
DEMO_DIR ?= demo/$(shell date +%Y%m%d-%H%M%S)

.PHONY: demo test test-slow campaign lint docs clean

demo: $(VENV)/.installed
	$(BIN)/undertow demo --out $(DEMO_DIR)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow

campaign: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 MPLBACKEND=Agg $(BIN)/python -m tests.campaigns all --seed $(SEED) --minutes $(MINUTES)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --clean
	@echo "open site/index.html"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || \
	  { echo "undertow needs Python 3.11, 3.12 or 3.13; $(PYTHON) is: $$($(PYTHON) --version 2>&1). Set PYTHON=/path/to/python3.11." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	@start=$$(date +%s); echo "installing undertow into $(VENV) …"; \
	  $(PIP) -e . && touch $@ && echo "installed in $$(( $$(date +%s) - start )) s"

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) -e '.[dev]'
	$(PIP) --no-deps nlb-tools==0.0.4
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) -e '.[docs]'
	@touch $@

clean:
	rm -rf $(VENV) site .cache
