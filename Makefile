# Needs Python 3.11 or later with pip and venv, and make. Everything is installed into .venv; nothing outside this folder changes.
# requirements.lock pins every package that gets installed; pyproject.toml says which ranges work.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WHEEL_VENV := .venv-wheel
DEMO := --model deepseek-r1-distill-qwen-7b --method lora --data 1GB --deadline 24h
PIP_INSTALL := -m pip --disable-pip-version-check install --quiet --constraint requirements.lock
SOURCES := $(shell find solver models hardware -type f -not -name '*.pyc' 2>/dev/null)

.PHONY: demo test lint types contracts wheel-test bench lock clean

demo: $(VENV)/.installed
	$(BIN)/gpuplan solve $(DEMO)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

contracts: $(VENV)/.installed-dev
	$(BIN)/lint-imports --no-logo

# The built wheel, in a folder from which the sources cannot be imported and which has a models/ and a solver/ of its own.
# What is marked `sources` (pyproject.toml) is left to `make test`.
wheel-test: $(WHEEL_VENV)/.installed
	rm -rf build/wheel-test && mkdir -p build/wheel-test/models build/wheel-test/solver build/wheel-test/hardware
	cp -R tests docs pyproject.toml README.md build/wheel-test/
	for name in models solver hardware; do if [ -f $$name/README.md ]; then cp $$name/README.md build/wheel-test/$$name/; fi; done
	for name in models solver hardware; do echo 'raise ImportError("a package of the user")' > build/wheel-test/$$name/__init__.py; done
	cd build/wheel-test && ../../$(WHEEL_VENV)/bin/python -m pytest -p no:cacheprovider -m "not sources" $(PYTEST_ARGS)

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks

# Writes requirements.lock anew from the ranges of pyproject.toml; without torch and what needs it, which go with the GPU at hand.
lock: $(VENV)/.installed-dev
	$(BIN)/python -m pip --disable-pip-version-check install --quiet pip-tools
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --upgrade --extra dev --extra hub --extra plots --extra tokenizers --strip-extras --allow-unsafe \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
		--output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) $(WHEEL_VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "gpuplan needs Python 3.11 or later; for example: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml requirements.lock
	$(BIN)/python $(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml requirements.lock
	$(BIN)/python $(PIP_INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.installed

$(WHEEL_VENV)/.installed: $(VENV)/.installed-dev $(SOURCES)
	rm -rf dist build/wheel
	$(BIN)/python -m build --wheel --outdir dist .
	$(PYTHON) -m venv --clear $(WHEEL_VENV)
	$(WHEEL_VENV)/bin/python $(PIP_INSTALL) "$$(ls dist/*.whl)[plots]" pandas pytest pytest-xdist hypothesis scipy tokenizers
	@touch $@
