# All paths are relative and quoted, so that the folder may have any name. Needs make and python3 (3.11 or newer).
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup reproduce levers test test-slow test-gpu golden check bench format clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.stamp ## create .venv with the tested versions (again when pyproject.toml or constraints.txt changed)

.venv/.stamp: pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "treasure needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; set PYTHON=/path/to/python3.11")'
	@echo "Installing PyTorch and the other packages into .venv: some minutes."
	test -x "$(BIN)/python" || "$(PYTHON)" -m venv .venv
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch .venv/.stamp

reproduce: setup ## train Baseline and marked model on the small world, evaluate both, write the report
	"$(BIN)/treasure-run" sweeps=head_vs_tail model.compile=true hydra/launcher=joblib hydra.launcher.n_jobs=2
	"$(BIN)/treasure-report" group=head_vs_tail

levers: setup ## measure the levers of the model of `make reproduce` and show them in its report
	for run in outputs/runs/head_vs_tail/tokens-*/; do "$(BIN)/treasure-evaluate" levers run="$$run" || exit; done
	"$(BIN)/treasure-report" group=head_vs_tail

test: setup ## the fast tests, on two cores
	"$(BIN)/python" -m pytest -q -n 2 --dist loadfile

test-slow: setup ## the slow tests
	"$(BIN)/python" -m pytest -q -m "slow and not gpu"

test-gpu: setup ## the tests that need a CUDA device
	"$(BIN)/python" -m pytest -q -m gpu

golden: setup ## record the losses in tests/golden anew; say in the commit why they moved
	PYTHONPATH=tests "$(BIN)/python" tests/training/golden.py

check: setup ## lint, formatting, import direction, types
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/lint-imports"
	"$(BIN)/pyright"

bench: setup ## measure speed and memory against TRL and the machine's limits, write docs/benchmarks.md (an hour or two)
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	"$(BIN)/python" -m bench.run $(BENCH)

format: setup ## mend formatting and what the linter can mend
	"$(BIN)/ruff" check --fix .
	"$(BIN)/ruff" format .

clean: ## remove caches and build products; keeps .venv and outputs
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
