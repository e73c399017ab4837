# make run    sets up and starts Sagittal on the demo study (headless with a report where there is no display)
# make test   sets up and runs every check
# make bench  measures against peers; make soak  kills runs for SOAK_MINUTES, and painting two hundred times
PYTHON ?= python3
WORKERS ?= 2
SOAK_MINUTES ?= 10
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test setup setup-test check tests bench soak clean

# An environment that is there is brought up to date, never made anew: it may belong to another Python than `python3`.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "Sagittal needs Python 3.11 to 3.13; $(PYTHON) is another. Name one: make run PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

setup: $(VENV)/.installed
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

setup-test: $(VENV)/.installed-test
$(VENV)/.installed-test: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $(VENV)/.installed $@

run: setup
	packaging/system-packages.sh run
	$(BIN)/sagittal demo

test: setup-test
	packaging/system-packages.sh test
	$(MAKE) --no-print-directory check
	$(MAKE) --no-print-directory tests

check:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Window tests share one display and its one active window, so they run by themselves, one after the other.
tests:
	$(BIN)/python -m pytest -m "not window" -n $(WORKERS) --dist loadfile $(PYTEST_ARGS); others=$$?; \
	packaging/with-display.sh $(BIN)/python -m pytest -m window $(PYTEST_ARGS) && exit $$others

bench: setup-test
	@failed=0; for script in startup overhead lag canvas large_scan dicom_series one_shot views jigsaw losses pretrain_step; do echo "== $$script"; \
	  packaging/with-display.sh $(BIN)/python benchmarks/$$script.py || failed=1; done; exit $$failed

soak: setup-test
	SAGITTAL_SOAK=$(SOAK_MINUTES) $(BIN)/python -m pytest tests -m soak --timeout 0 $(PYTEST_ARGS)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
