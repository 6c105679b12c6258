# Everything runs in .venv, which `make` makes on first use from any Python >= 3.11: make PYTHON=python3.13 test
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test torture check bench mutants clinic clean

demo: .venv/base
	$(BIN)/slotwright find --calendar examples/clinic --service bariatric-surgery \
	    --schedule dr-martinez --schedule or-1,or-2,or-3 --schedule dr-kim,dr-osei \
	    --start 2026-03-10 --end 2026-03-14
	@rm -rf .venv/demo && mkdir -p .venv/demo
	$(BIN)/slotwright ledger init --ledger .venv/demo/clinic.ledger
	$(BIN)/slotwright ledger load examples/clinic --ledger .venv/demo/clinic.ledger
	$(BIN)/slotwright book --ledger .venv/demo/clinic.ledger --service bariatric-surgery \
	    --schedule dr-martinez --schedule or-1,or-2,or-3 --schedule dr-kim,dr-osei \
	    --start 2026-03-12T09:00 --patient patient-001 --allow-past
	$(BIN)/slotwright ledger verify --ledger .venv/demo/clinic.ledger

# A process for each core: no test depends on another, nor on how busy the machine is.
test: .venv/test
	$(BIN)/python -m pytest -q -n auto --dist worksteal

torture: .venv/test
	$(BIN)/python tests/torture.py

check: .venv/check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

bench: .venv/bench
	$(BIN)/python benchmarks/run.py

mutants: .venv/test
	$(BIN)/python tests/mutants/run.py

clinic: .venv/base
	$(BIN)/python examples/make_clinic.py

clean:
	rm -rf .venv build *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "slotwright needs Python 3.11 or later; try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/base: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/test: .venv/base
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

# What only the benchmarks use: another solver to measure against, and plots.
.venv/bench: .venv/test
	$(BIN)/python -m pip install --quiet --editable '.[test,bench]'
	@touch $@

# The type checker cannot follow an editable install: it finds the packages through these links.
.venv/check: .venv/test
	$(BIN)/python -m pip install --quiet --editable '.[test,check]'
	mkdir -p .venv/types/slotwright
	for one in solver io cli; do ln -sfn ../../../$$one .venv/types/slotwright/$$one; done
	@touch $@
