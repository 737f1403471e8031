# Two commands: `make demo` and `make test`. Each sets up .venv by itself, from requirements pinned by hash.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help
RECORDINGS := $(VENV)/recordings

.PHONY: .venv help demo test check lint types imports docs bench wheel recordings requirements audit clean

help: ## this list
	@grep -hE '^[a-z.]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z.]+):.*## /  make \1|/' | column -t -s '|'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tocsin needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(RUNTIME): requirements/runtime.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV) (what Tocsin needs to run; a minute or two) ..."
	@$(PIP) install --quiet --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(DEV): $(RUNTIME) requirements/dev.txt
	@echo "Setting up $(VENV) (what the tests and checks need) ..."
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

.venv: $(RUNTIME) ## the environment alone, with the program compiled for accounts that may not write here
	@$(BIN)/python -m compileall -q config storage collectors alerts monitor
	@touch $(VENV)

demo: $(RUNTIME) ## the main job on a made story, on embedded SQLite
	@$(BIN)/tocsin demo

test: $(DEV) ## every test
	@$(BIN)/python -m pytest -q -n $${TOCSIN_TEST_WORKERS:-2} --dist loadfile

check: $(DEV) lint types imports test docs wheel ## everything that the checks run

lint: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(DEV)
	@$(BIN)/mypy

imports: $(DEV)
	@$(BIN)/lint-imports

docs: $(DEV) ## the documentation, built without a warning into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(DEV) ## the quick benchmarks
	@$(BIN)/python -m benchmarks

wheel: $(DEV) ## builds the wheel and runs the demo from it in an empty environment
	@$(BIN)/python -m benchmarks.wheel

# The source distributions of two clients carry recordings of real traffic; they are fetched by their pinned hash, never
# copied. `unpacked` takes the name of a requirement, the folder in its archive, and where that goes.
unpacked = sed -n '/^$(1)==/,/[^\\]$$/p' requirements/runtime.txt > $@.part/$(1).txt && \
	$(PIP) download --quiet --no-deps --no-binary $(1) --require-hashes --dest $@.part/$(1) \
	  -r $@.part/$(1).txt && \
	mkdir -p $@.part/$(3) && tar -xzf $@.part/$(1)/*.tar.gz -C $@.part/$(3) --strip-components=$(4) --wildcards '*/$(2)'

recordings: $(RECORDINGS) ## recorded traffic of Reddit and Mastodon, for the tests that play it back

$(RECORDINGS): requirements/runtime.txt | $(RUNTIME)
	@rm -rf $@ $@.part && mkdir -p $@.part
	@$(call unpacked,praw,tests/integration/cassettes,.,3)
	@$(call unpacked,mastodon-py,tests/cassettes,mastodon,3)
	@mv $@.part $@

requirements: $(DEV) ## pins requirements/*.in anew
	@for name in build runtime dev audit; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make requirements' \
	  requirements/$$name.in -o requirements/$$name.txt || exit 1; done

# With a tool of its own, apart from what the program and its tests are run with. It asks a service on the network.
audit: $(DEV) requirements/audit.txt ## asks whether anything that is pinned is known to be weak
	@test -x $(VENV)/audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)/audit && \
	  $(VENV)/audit/bin/python -m pip --disable-pip-version-check --no-input install --quiet --require-hashes -r requirements/audit.txt; }
	@$(BIN)/python -m benchmarks.audit

clean:
	rm -rf $(VENV) build dist site demo
