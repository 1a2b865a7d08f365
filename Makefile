# One line per thing a person does here; `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
AGENTS := $(VENV)/.agents
TEST_PROCESSES ?= 2

.DEFAULT_GOAL := help
.PHONY: help install agents demo serve test conformance check format bench clean

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Slateloop needs Python 3.11 or newer; set PYTHON=")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing Slateloop and its development tools into $(VENV): it may take minutes …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,experiments]'
	@touch $@

$(AGENTS): $(STAMP)
	@echo "installing PyTorch and RLlib into $(VENV): large, so it may take minutes …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,experiments,rl]'
	@touch $@

install: $(STAMP) ## Build .venv from the pinned constraints

agents: $(AGENTS) ## Add what training RL agents needs: PyTorch and RLlib (large)

demo: $(STAMP) ## Start a service, send simulated users, watch it learn (under two minutes)
	@$(BIN)/slateloop demo

serve: $(STAMP) ## Start the service on http://127.0.0.1:8000
	@$(BIN)/slateloop serve

test: $(AGENTS) ## Run every test, the end-to-end ones included
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadgroup

conformance: $(AGENTS) ## Run the client packages of Azure AI Personalizer against the service, JavaScript included
	@CONFORMANCE_JAVASCRIPT=1 $(BIN)/python -m pytest tests/conformance -rs

check: $(AGENTS) ## Format, lint, types and import contracts; changes nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(STAMP) ## Format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure the service (needs wrk) and the worlds on this machine
	@$(BIN)/python -m benchmarks.serving
	@$(BIN)/python -m benchmarks.worlds

clean: ## Remove the virtual environment and local data
	rm -rf $(VENV) .slateloop build *.egg-info
