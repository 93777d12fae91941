# Everything a contributor does, by name. `make` alone lists it.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types parity generate bench wheel wheel-check sdk-check clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[cli]" --group dev
	@touch $(READY)

demo: $(READY) ## start a sidecar and walk through every building block
	@FAKESIDECAR_CLOCK=virtual $(BIN)/fakesidecar run --app-id tour --log-level warn --resources-path examples/tour/resources \
		-- $(BIN)/python -W ignore examples/tour/app.py

test: check $(READY) ## lint, types, and every test (what CI runs)
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: lint types ## lint and types

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

parity: $(READY) ## compare with the recordings of a real daprd, exchange by exchange
	$(BIN)/python -m tests.parity

generate: $(READY) ## make again what is generated: wire messages, the sync client, tables in the docs
	$(BIN)/python tools/generate_wire.py
	$(BIN)/python tools/async_to_sync.py
	$(BIN)/python tools/generate_docs.py

bench: $(READY) ## measure speed and memory, as ratios to a bare baseline in the same run
	$(BIN)/python -m benchmarks

wheel: $(READY) ## build the wheel
	$(BIN)/python -m build --wheel

wheel-check: $(READY) ## use the wheel in empty environments, beside three versions of the official package
	$(BIN)/python tools/check_wheel.py --dapr 1.16.3 --dapr 1.17.5 --dapr 1.19.0

sdk-check: $(READY) ## run the official SDKs for JavaScript and Go against the sidecar (needs npm, node and go)
	$(BIN)/python tools/check_sdks.py

clean: ## remove what was made
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
