# `make run` starts Samvad; `make test` proves it. Both set up what they need.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
UV_FLAGS := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q
PYTEST_WORKERS ?= 2

.PHONY: help run test check static bench rehearse format lock assets locale reference clean
.DELETE_ON_ERROR:

help:            ## what the targets do
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 12

run: build/runtime.stamp build/assets.stamp build/locale.stamp  ## set up and start everything on this machine
	@exec $(BIN)/samvad up

# Python 3.11 can crash while it shows a failure: a warning that the garbage collector raises in
# mid-parse is shown with column marks, which takes a parse of its own ("AST constructor
# recursion depth mismatch"). Without column marks there is no second parse.
test check: export PYTHONNODEBUGRANGES = 1
# Where bytecode is not to be kept, each of the hundreds of processes that tests start would compile
# all of Samvad anew.
test check: export PYTHONDONTWRITEBYTECODE =

test: build/dev.stamp build/assets.stamp build/locale.stamp build/system.stamp build/s3.stamp  ## set up the tests and run them all
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadgroup --durations=30 --ignore=tests/stories
	@# Stories are whole sites, browsers and microphones: one at a time.
	$(BIN)/python -m pytest --durations=30 tests/stories

check: static    ## the fast subset: static checks and quick tests
	$(BIN)/python -m pytest -q -n $(PYTEST_WORKERS) -m "not slow"

static: build/dev.stamp build/assets.stamp build/locale.stamp  ## linters and types alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd frontend && npm run --silent check

bench: build/dev.stamp build/assets.stamp build/locale.stamp build/system.stamp  ## the figures (takes a while)
	$(BIN)/python -m bench

rehearse: build/runtime.stamp build/assets.stamp build/locale.stamp  ## the night, small, against a site of its own: three minutes
	$(BIN)/python tools/rehearse.py

format: build/dev.stamp  ## put the code into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference: build/dev.stamp  ## write docs/reference/ from the declarations
	$(BIN)/python tools/reference.py docs/reference

lock:            ## pin dependencies anew (wants uv on the path)
	uv pip compile $(UV_FLAGS) pyproject.toml -o requirements/runtime.txt
	uv pip compile $(UV_FLAGS) pyproject.toml --extra dev -c requirements/runtime.txt -o requirements/dev.txt
	uv pip compile $(UV_FLAGS) requirements/s3-server.in -o requirements/s3-server.txt
	uv pip compile $(UV_FLAGS) pyproject.toml --extra captions -c requirements/runtime.txt -o requirements/captions.txt
	uv pip compile $(UV_FLAGS) pyproject.toml --extra whisper -c requirements/runtime.txt -o requirements/whisper.txt

assets: build/assets.stamp  ## build the front end into src/samvad/assets

locale: build/locale.stamp  ## compile the texts of the pages

build/venv.stamp: tools/venv
	tools/venv $(PYTHON)
	@mkdir -p build && touch $@

build/runtime.stamp: build/venv.stamp requirements/runtime.txt pyproject.toml
	@echo "Installing the Python packages…"
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

build/dev.stamp: build/runtime.stamp requirements/dev.txt
	@echo "Installing the Python packages of the tests…"
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

build/s3.stamp: requirements/s3-server.txt
	@mkdir -p build && rm -rf build/s3 && $(PYTHON) -m venv build/s3
	build/s3/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/s3-server.txt
	@touch $@

FRONTEND := $(shell find frontend -type f -not -path '*/node_modules/*' 2>/dev/null)
build/assets.stamp: build/venv.stamp $(FRONTEND)
	@echo "Building the pages…"
	cd frontend && npm ci --no-audit --no-fund --no-update-notifier --loglevel=error && npm run --silent build
	@touch $@

TEXTS := $(wildcard src/samvad/*/locale/*/LC_MESSAGES/*.po)
build/locale.stamp: build/runtime.stamp $(TEXTS)
	@for folder in $(sort $(dir $(patsubst %/,%,$(dir $(patsubst %/,%,$(dir $(TEXTS))))))); do \
	  $(BIN)/pybabel -q compile -D django -d $$folder || exit 1; done
	@touch $@

build/system.stamp: tools/system-packages
	tools/system-packages
	@mkdir -p build && touch $@

clean:           ## remove what was built (never data/)
	rm -rf build .venv src/samvad/assets frontend/node_modules
