# commonwatt: `make demo` and `make test` need nothing but Python 3.11 or newer with pip and venv.

VENV    := .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.installed
PEERS   := .venv-peers
PIP     := $(BIN)/python -m pip install -qq --disable-pip-version-check
DEMO    ?= demo
WORKERS ?= 2

# The interpreter: $(PYTHON) if given, else the first of these that really runs and is new enough.
# (A name on the path may be a stub that fails, so each one is tried.)
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3.13 python3.12 python3.11 python3.14 python3 python)
PROBE      := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench peers lock clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## Create .venv from the lock and install commonwatt in it, editable.

demo: $(STAMP) ## Run the benchmark, print the ranking and write a report to demo/ (DEMO=folder).
	$(BIN)/commonwatt benchmark --output "$(DEMO)" --force

test: check ## Check, then run the whole test suite (WORKERS=2).
	$(BIN)/python -m pytest -n $(WORKERS)

check: $(STAMP) ## Lint, formatting, types and import order.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Format the code and apply the safe fixes.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## Measure speed and memory.
	$(BIN)/python -m benchmarks

peers: $(PEERS)/.installed ## Compare the optimum with CVXPY, linopy and PyPSA.
	$(PEERS)/bin/python -m pytest -q tests/optimum/test_peers.py

# Existing pins are kept where they still fit; `make lock UPGRADE=1` takes the newest.
# One version per package for all Python versions, and nothing in the files says where they came from.
LOCK = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: $(STAMP) ## Resolve pyproject.toml again into requirements/*.txt (UPGRADE=1).
	$(LOCK) $(if $(UPGRADE),--upgrade) --extra reports --extra grid --extra forecast --group pyproject.toml:dev --output-file requirements/dev.txt
	$(LOCK) --upgrade --constraints requirements/dev.txt --output-file requirements/core.txt
	$(LOCK) --upgrade --constraints requirements/dev.txt --group pyproject.toml:peers --output-file requirements/peers.txt

clean: ## Remove .venv, caches, builds and the demo.
	rm -rf $(VENV) $(PEERS) build dist demo .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# Installed anew only if the lock, the package's metadata or this file's recipe inputs changed.
$(STAMP): requirements/dev.txt pyproject.toml
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		found=; \
		for candidate in $(CANDIDATES); do \
			if "$$candidate" -c '$(PROBE)' >/dev/null 2>&1; then found=$$candidate; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "error: no usable Python among: $(CANDIDATES)" >&2; \
			echo "commonwatt needs Python 3.11 or newer with pip and venv (on Debian: apt-get install python3-venv);" >&2; \
			echo "name one with: make PYTHON=/path/to/python" >&2; \
			exit 1; \
		fi; \
		echo "creating $(VENV) with $$found ($$("$$found" -V 2>&1))"; \
		"$$found" -m venv --clear $(VENV); \
	fi
	@echo "installing the lock and commonwatt into $(VENV)"
	$(PIP) --require-hashes --requirement requirements/dev.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# Other people's modelling tools stay out of .venv: they are large, and nothing but this comparison needs them.
$(PEERS)/.installed: requirements/peers.txt $(STAMP)
	$(BIN)/python -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
		--requirement requirements/dev.txt --requirement requirements/peers.txt
	$(PEERS)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
