# Commands for users and developers. `make` without a target lists them.
#
# PYTHON=python3.12     another Python than python3 (3.11 or newer)
# PIP_EXTRA="…"         options for pip, for example those that PyTorch gives for a CPU build
# ACCELERATOR=1         install the accelerator build of PyTorch (several GB) if pip offers one
# RUN=runs/mine         folder of the demonstration
# SEED=2 CHANGE=false   seed of the benchmark world, and a world without long-term change

PYTHON ?= python3
PIP_EXTRA ?=
ACCELERATOR ?=
RUN ?= runs/demo
SEED ?= 1
CHANGE ?= true
CONSTRAINTS ?= envs/constraints.txt
TEST_OPTIONS ?= -n 2 --dist loadfile --no-loadscope-reorder

BIN := .venv/bin
INSTALLED := .venv/.installed
SNAKEMAKE := $(BIN)/snakemake

.DEFAULT_GOAL := help
.PHONY: help install demo osse osse-table test test-fast test-osse test-slurm lint format schema constraints dag times unlock clean

help:  ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## create .venv and install everything

$(INSTALLED): pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=…")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	ACCELERATOR="$(ACCELERATOR)" $(BIN)/python envs/check_build.py $(CONSTRAINTS:%=--constraint %) $(PIP_EXTRA)
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS:%=--constraint %) $(PIP_EXTRA) --editable '.[test]'
	touch $@

demo: $(INSTALLED)  ## run all stages on a simulated Earth (10 minutes)
	$(SNAKEMAKE) --profile profiles/local --configfile config/demo.yaml --directory $(RUN) --quiet rules reason
	@echo
	@echo "Done. Look at $(RUN)/results/report/index.html; the products are in $(RUN)/results/product/."

WORLD = runs/osse/$(SEED)$(if $(filter false,$(CHANGE)),-no-change)
ON_WORLD = --profile profiles/local --quiet rules reason \
	--config seed=$(SEED) 'simulate={seed: $(SEED), long_term_change: $(CHANGE)}'

osse: $(INSTALLED)  ## run both methods on one benchmark world (SEED=2, CHANGE=false)
	$(SNAKEMAKE) $(ON_WORLD) --directory $(WORLD)/published \
		--configfile config/osse.yaml config/published.yaml config/osse/published.yaml
	mkdir -p $(WORLD)/trend-preserving/results
	ln -sfn ../published/data $(WORLD)/trend-preserving/data
	ln -sfn ../../published/results/regrid $(WORLD)/trend-preserving/results/regrid
	cp -p $(WORLD)/published/results/domain.nc $(WORLD)/trend-preserving/results/domain.nc
	$(SNAKEMAKE) $(ON_WORLD) --directory $(WORLD)/trend-preserving --configfile config/osse.yaml

SEEDS ?= 2 3 4 5 6

osse-table: $(INSTALLED)  ## compare the methods on five worlds, with and without change (hours)
	for seed in $(SEEDS); do for change in true false; do \
		$(MAKE) osse SEED=$$seed CHANGE=$$change || exit 1; done; done
	$(BIN)/python benchmarks/osse.py runs/osse

test: $(INSTALLED)  ## run every test (15 minutes)
	$(BIN)/python -m pytest $(TEST_OPTIONS) -m 'not slurm and not osse'

test-fast: $(INSTALLED)  ## run the tests that take seconds
	$(BIN)/python -m pytest $(TEST_OPTIONS) -m 'not slow and not slurm and not osse'

test-osse: $(INSTALLED)  ## compare both methods on three small worlds (10 minutes)
	$(BIN)/python -m pytest -n 2 --dist load -m osse tests/test_osse.py

test-slurm: $(INSTALLED)  ## run a small world on a SLURM of this machine (as root; 10 minutes)
	$(BIN)/python -m pytest -m slurm tests/test_slurm.py

lint: $(INSTALLED)  ## check style, types and rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(SNAKEMAKE) --lint

format: $(INSTALLED)  ## format code and rules
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

schema: $(INSTALLED)  ## write config/schema.json from the code
	$(BIN)/python -m glab.config > config/schema.json

constraints:  ## pin the newest versions that pyproject.toml allows (replaces .venv)
	rm -rf .venv
	$(MAKE) install CONSTRAINTS=
	echo '# Exact versions of all packages in .venv, from `make constraints`.' > envs/constraints.txt
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+[a-z0-9.]*$$//' >> envs/constraints.txt

dag: $(INSTALLED)  ## draw the graph of rules into docs/run.md
	$(SNAKEMAKE) --forceall --rulegraph mermaid-js --quiet all > .rulegraph
	$(BIN)/python docs/rule_graph.py docs/run.md < .rulegraph
	rm .rulegraph

times: $(INSTALLED)  ## print time and peak memory of a run by rule
	$(BIN)/glab times --logs $(RUN)/logs

unlock: $(INSTALLED)  ## remove the lock of a killed run; then repeat its command
	for run in . runs/*; do test ! -d $$run/.snakemake/locks || $(SNAKEMAKE) --unlock --directory $$run; done

clean:  ## remove the files of install, demo, test and lint
	rm -rf .venv $(RUN) build src/*.egg-info .coverage* coverage.xml
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
