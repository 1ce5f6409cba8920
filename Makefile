# `make demo` and `make test` do their own set-up: only make and Python 3.11+ (with venv) are needed.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PORT ?= 8000
# a test file stays with one process, so that what it starts is started once
TEST := $(BIN)/pytest -n auto --dist loadfile

.PHONY: demo test test-quick test-full bench lint system-deps clean

demo: .venv/run-ready
	$(BIN)/trainer demo --port $(PORT)

test: .venv/test-ready
	$(TEST)

# without a browser, PostgreSQL and the slow ones: under three minutes
test-quick: .venv/test-ready
	TRAINER_TEST_ENGINES=sqlite $(TEST) -q -m "not browser and not slow"

# every page in every theme and width, larger data
test-full: .venv/test-ready
	TRAINER_TEST_FULL=1 $(TEST)

bench: .venv/test-ready
	$(BIN)/python -m benchmarks

lint: .venv/test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# what the browser and PostgreSQL tests need, from Debian's packages
system-deps:
	$(if $(filter 0,$(shell id -u)),,sudo) sh -c 'apt-get update -q && DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -q --no-install-recommends python3-venv chromium postgresql fonts-noto-cjk'

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Encore needs Python 3.11 or newer. Install it, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run-ready: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/test-ready: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@ .venv/run-ready

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
