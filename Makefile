# Everything a newcomer needs: `make demo` shows the main job, `make test` runs the suite on real servers.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo check test test-long bench bench-gateway bench-dedupe lock clean

install: .venv/.installed ## build .venv from the lock file, hashes checked

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Dits needs Python 3.11 or newer; found " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 install") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install ## the main job, visibly, on a real video (VIDEO=path to bring your own)
	$(BIN)/dits demo $(if $(VIDEO),--video "$(VIDEO)")

check: install ## lint, types, floors, house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/house

test: install ## the suite on real servers, unit tests first
	$(BIN)/python -m pytest tests -m "not long"

test-long: install ## crash matrices, large property runs, fault campaigns, the demo once
	$(BIN)/python -m pytest tests -m long --timeout 1200

bench: install ## print the performance table (about 20 minutes)
	$(BIN)/python -m bench

bench-gateway: install ## the gateway's load and latency, by the acceptance table's ids (about 5 minutes)
	$(BIN)/python -m bench.gateway

bench-dedupe: install ## what nine edits of a film add to a store, beside restic, borg and git-lfs (about 3 minutes)
	$(BIN)/python -m bench.dedupe

lock: ## pin the whole tree with hashes (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header -o requirements.lock

clean:
	rm -rf .venv dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
