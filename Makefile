# Everything a contributor or CI runs. `make` lists the goals; each sets up .venv first if need be.
# MUJOCO_GL, PYTHON and SYSTEM_PACKAGES=skip are passed on; see scripts/install.sh.

BIN := .venv/bin
INSTALLED := .venv/.armchair-installed
EPISODES ?= 10
OUT ?= runs/reach

.DEFAULT_GOAL := help
.PHONY: help install evaluate test test-all test-lerobot wheel lint format types imports check model results \
	lock clean

help: ## list the goals
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED) ## create .venv with the pinned dependencies

$(INSTALLED): pyproject.toml constraints.txt scripts/install.sh
	@scripts/install.sh

evaluate: $(INSTALLED) ## the main job: plan reaches with the shipped model, write runs/reach
	@$(BIN)/armchair evaluate --tasks reach --episodes $(EPISODES) --planner cem-waypoint --model default \
		--out $(OUT) $(if $(wildcard $(OUT)/report.json),--overwrite)

test: $(INSTALLED) ## the tests that CI runs
	@$(BIN)/python -m pytest -q -m "not slow"

test-all: $(INSTALLED) ## these and the long ones
	@$(BIN)/python -m pytest -q

test-lerobot: $(INSTALLED) ## load an export with lerobot itself, in .venv-lerobot (gigabytes once)
	@scripts/check_lerobot.sh

wheel: $(INSTALLED) ## only the packaging tests: the wheel in an environment of its own, and so on
	@$(BIN)/python -m pytest -q tests/packaging

lint: $(INSTALLED) ## ruff: rules and layout
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(INSTALLED) ## let ruff put the layout right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(INSTALLED) ## mypy, strict, on the library
	@$(BIN)/mypy

imports: $(INSTALLED) ## import-linter: who may import whom
	@$(BIN)/lint-imports

check: lint types imports test ## lint, types, imports, test

model: $(INSTALLED) ## remake the shipped model from its seeds (hours): collect, pretrain, train
	@scripts/make_model.sh

results: $(INSTALLED) ## measure again what docs/results.md says of the shipped model (hours)
	@scripts/make_results.sh

lock: $(INSTALLED) ## remake constraints.txt from what .venv holds
	@$(BIN)/python scripts/lock.py > constraints.new && mv constraints.new constraints.txt

clean: ## remove caches and build leftovers; .venv and runs stay
	@rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache \
		.hypothesis
	@find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
