# The front door. Every target calls `python -m playbook …`; names given on the command line reach
# Python through the environment and are checked there, no recipe expands them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
override ENGAGEMENT := $(value ENGAGEMENT)
override PERIOD := $(value PERIOD)
override CLIENT := $(value CLIENT)
override CURRENCY := $(value CURRENCY)
override FORCE := $(value FORCE)
override STRATEGY := $(value STRATEGY)
export ENGAGEMENT
export PERIOD
export CLIENT
export CURRENCY
export FORCE
export STRATEGY
export PYTHONHASHSEED := 0
export PYTHONDONTWRITEBYTECODE :=

ifdef NO_VENV
PY := python3
READY :=
else
PY := .venv/bin/python
READY := .venv/ready
endif
PLAYBOOK := $(PY) -m playbook

.PHONY: help setup demo new check run review objectives research segmentation proposition experience crm monitoring report lab test lint validate truth arena bench test-spark notebooks docs clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@echo "  ENGAGEMENT=acme PERIOD=2025 choose the client and the year (default: demo, its last plan)"
	@echo "  FORCE=\"why it cannot wait\" reviews before twelve months are over"

setup: $(READY) ## make the environment in .venv (with uv when it is there, else pip)

.venv/ready: requirements.lock requirements-data.lock pyproject.toml
	@./.ci/setup

demo: $(READY) ## run the simulated client, both periods, write its reports and review 2025 against 2024
	@ENGAGEMENT=demo $(PLAYBOOK) run --all-periods
	@ENGAGEMENT=demo PERIOD=2025 FORCE= $(PLAYBOOK) review

new: $(READY) ## make the folder of a new engagement: ENGAGEMENT=acme PERIOD=2025 CLIENT="Acme Ltd" CURRENCY=EUR
	@$(PLAYBOOK) new

check: $(READY) ## read the client's files only, say what was found and what to ask the client
	@$(PLAYBOOK) check

run: $(READY) ## bring a client's period up to date: ENGAGEMENT=acme PERIOD=2025
	@$(PLAYBOOK) run

review: $(READY) ## once a year: run the new period, compare it with last year's run, decide what to keep, adjust, stop
	@$(PLAYBOOK) review

objectives research segmentation proposition experience crm monitoring report: $(READY)
	@$(PLAYBOOK) run --step $@

lab: $(READY) ## open the notebooks in JupyterLab
	@$(PY) -m jupyterlab notebooks

test: $(READY) ## run all tests (at most ten minutes on two cores)
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY) ## check format, style, types and imports
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(PY) -c "from importlinter.cli import lint_imports_command as lint; lint()"

validate: $(READY) ## compare the models with published results
	@$(PLAYBOOK) validate

truth: $(READY) ## compare estimates with the planted truth of ten drawn worlds (half an hour and more)
	@$(PLAYBOOK) truth

arena: $(READY) ## let the playbook and the usual alternatives play simulated markets (20 minutes): STRATEGY=mine.yml
	@$(PLAYBOOK) arena --figure build/arena.png

bench: $(READY) ## time a demo period, bare papermill, and the intake of ten million lines against pandas
	@$(PLAYBOOK) bench

test-spark: .venv-spark/ready ## run every query on Spark as well and compare (needs Java 17)
	@.venv-spark/bin/python -m pytest tests/spark -o addopts=-q -p no:nbval -W ignore

.venv-spark/ready: requirements.lock requirements-data.lock pyproject.toml
	@./.ci/setup .venv-spark spark

notebooks: $(READY) ## copy the demo's executed notebooks back to notebooks/
	@$(PLAYBOOK) notebooks

docs: $(READY) ## write the generated pages of docs/
	@$(PLAYBOOK) docs

clean: ## remove everything the runs produced
	rm -rf runs build .pytest_cache .mypy_cache .ruff_cache .hypothesis
