# The two commands: make demo, make test. Everything else is listed by make help.
SHELL := bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export GX_ANALYTICS_ENABLED := false
export DAGSTER_DISABLE_TELEMETRY := 1
dev: export DAGSTER_HOME ?= $(CURDIR)/.trailhouse/dagster
PORT ?= 3000

.PHONY: help demo dev notebooks test check fix bench lock clean
.DEFAULT_GOAL := help

help: ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/.installed: requirements.lock pyproject.toml
	test -x $(BIN)/python || $$(command -v $(PYTHON) || command -v python3) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8'
	$(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --no-deps -e .
	touch $@

demo: $(VENV)/.installed ## Write a sample workspace, do the main job on it, answer three questions
	$(BIN)/python -m pipelines.samples.demo

dev: $(VENV)/.installed ## Dagster UI and daemon over the data of the demo, PORT=3000
	$(BIN)/python -m pipelines.instance
	$(BIN)/dg dev --port $(PORT)

notebooks: $(VENV)/.installed ## Open the notebooks in JupyterLab, on the lake of the settings
	$(BIN)/jupyter lab --notebook-dir notebooks

test: $(VENV)/.installed ## Run the tests, with a real S3 server and a real daemon
	$(BIN)/pytest -n auto --dist worksteal

check: $(VENV)/.installed ## Format, lint, types, SQL, definitions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 2 sql
	$(BIN)/dagster definitions validate -w workspace.yaml

fix: $(VENV)/.installed ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix --processes 2 sql
	$(BIN)/nbstripout --keep-id --extra-keys "metadata.language_info" notebooks/*.ipynb

bench: $(VENV)/.installed ## Measure, print ratios, rewrite docs/benchmarks.md
	$(BIN)/python -m bench

lock: ## Resolve requirements.lock anew: versions and hashes, no hosts
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements.lock

clean: ## Remove the environment and the demo's data
	rm -rf $(VENV) .trailhouse
