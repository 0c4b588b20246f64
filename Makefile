# Everything happens in .venv, made anew when pyproject.toml changes. Needs python3 >= 3.11, git and PyPI.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.NOTPARALLEL:
.PHONY: help demo test check static self docs bench clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-14s %s\n' "$$name" "$$text"; done

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "guardrail needs Python 3.11 or newer and found %s: name another one, as in `make PYTHON=python3.12`." % sys.version.split()[0])'
	@echo "setting up .venv (once)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY) ## check the sample change in fixtures/demo
	@PATH="$(CURDIR)/$(BIN):$$PATH" fixtures/demo/run.sh

test: $(READY) ## all tests, on all cores
	$(BIN)/python -m pytest -n auto --dist loadfile

check: static self test ## what a change must pass: format, lint, types, guardrail on itself, tests

static: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict guardrail

self: $(READY)
	$(BIN)/guardrail check --no-map
	@if git rev-parse --quiet --verify HEAD~1 >/dev/null; then set -x; $(BIN)/guardrail check --no-map --base HEAD~1; fi
	$(BIN)/guardrail scan guardrail

docs: $(READY) ## rewrite the generated pages
	$(BIN)/python docs/generate.py

bench: $(READY) ## print times as ratios; asserts nothing
	$(BIN)/python bench/run.py

clean: ## remove the environment and all that was built
	rm -rf .venv bench/.venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
