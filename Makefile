# The two commands a newcomer needs are `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WEB := entrypoints/web
FIREBASE := tests/firebase
TRITON := .triton
# These start services, browsers and stores of their own, so two run at once and not four.
E2E := tests/e2e
# Attacks measure memory and answers, so nothing runs beside them.
ATTACKS := tests/attacks
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help run test image lint types imports check format lock asyncapi clean

help: ## say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

# What the page's Live view needs comes from npm; without Node.js everything else works.
run: $(VENV)/.base $(if $(shell which npm 2>/dev/null),$(WEB)/node_modules) ## install the service and start it on HOST and PORT
	@$(BIN)/emotion-api serve

test: $(VENV)/.dev $(TRITON)/.installed $(if $(shell which npm 2>/dev/null),$(FIREBASE)/node_modules $(WEB)/node_modules) ## install what the tests need and run them all
	@$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --ignore=$(E2E) --ignore=$(ATTACKS)
	@$(BIN)/pytest --numprocesses auto --maxprocesses 2 --dist loadfile $(E2E)
	@$(BIN)/pytest $(ATTACKS)

image: $(VENV)/.dev ## build the container image with Buildah and try it (as root, on Linux)
	@$(BIN)/pytest -m image tests/image

lint: $(VENV)/.lint ## check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## check types
	@$(BIN)/mypy

# Its cache misses files that are new.
imports: $(VENV)/.lint ## check who imports whom
	@$(BIN)/lint-imports --no-cache

check: lint types imports test ## everything a change has to pass

format: $(VENV)/.lint ## put the code into shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(VENV)/.dev ## write down the versions installed now in constraints.txt
	@$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

asyncapi: $(VENV)/.dev ## regenerate docs/asyncapi.yaml from the messages in entrypoints/wire
	@$(BIN)/python -m entrypoints.wire.asyncapi docs/asyncapi.yaml

clean: ## remove what was installed and cached; data is kept
	rm -rf $(VENV) $(TRITON) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, $(PYTHON) is " + sys.version.split()[0] + "; name another with: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing the service into $(VENV) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.lint: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing the service and what checks its style into $(VENV) ..."
	@$(PIP) --editable '.[lint]'
	@touch $@ $(VENV)/.base

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing what the tests need into $(VENV), 2 GB with PyTorch ..."
	@$(PIP) --editable '.[vit,dev]'
	@touch $@ $(VENV)/.lint $(VENV)/.base

$(FIREBASE)/node_modules: $(FIREBASE)/package-lock.json
	@echo "Installing the Firebase emulator with npm (350 MB, some minutes) ..."
	@npm ci --no-audit --no-fund --silent --prefix $(FIREBASE) && touch $@ \
		|| echo "npm could not; tests that need the emulator will say so."

# A real Triton server for the tests, in an environment of its own because it wants an old NumPy.
$(TRITON)/.installed: $(VENV)/bin/python tests/triton/requirements.txt
	@echo "Installing NVIDIA Triton for the tests into $(TRITON) (75 MB to load) ..."
	@$(VENV)/bin/python -m venv $(TRITON) \
		&& $(TRITON)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
			--requirement tests/triton/requirements.txt && touch $@ \
		|| echo "pip could not; tests that need Triton will say so."

$(WEB)/node_modules: $(WEB)/package-lock.json
	@echo "Installing the Socket.IO client of the page with npm ..."
	@npm ci --no-audit --no-fund --silent --prefix $(WEB) && touch $@ \
		|| echo "npm could not; the page's Live view will say how to try again."
