# Needs Python 3.11 or newer (3.13 at most), Rust and make. Everything else comes from package
# registries into .venv and target. Stamps in .venv/stamps make a second run quick.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: help demo test check stress bench soak wheel test-all fmt clean

PYTHON ?= $(shell tools/pythons.sh --first)
# Handed on to what the target runs: make demo ARGS="--call human --fast"
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
EXTENSION := $(STAMPS)/extension
DEV := $(STAMPS)/dev
SMART_TURN := $(VENV)/share/pipecat_rs/smart-turn-v3.2-cpu.onnx
TARGET := $(or $(CARGO_TARGET_DIR),target)
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
MATURIN = env -u CONDA_PREFIX VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin
# Microphone and loudspeaker, where ALSA's development files are.
LOCAL_AUDIO := $(shell pkg-config --exists alsa 2>/dev/null && echo --features local-audio)
RUST_SOURCES := Cargo.toml Cargo.lock .cargo/config.toml \
	$(shell find rust/*/src rust/*/Cargo.toml -name '*.rs' -o -name Cargo.toml)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(EXTENSION) ## hold a spoken call with a voice agent on this machine (ARGS="--call human --fast")
	$(BIN)/pipecat-rs demo $(ARGS)

test: $(EXTENSION) $(DEV) $(SMART_TURN) ## run the Rust tests, the loom models and pytest (ARGS for pytest)
	cargo test --locked --features pipecat-rs-audio/denoise,pipecat-rs-audio/echo
	RUSTFLAGS="--cfg engine_loom" cargo test --locked --release -p pipecat-engine --lib \
		--target-dir $(TARGET)/loom -- models
	$(BIN)/python -m pytest $(ARGS)

check: $(EXTENSION) $(DEV) ## formats, lints, types and stubs, with warnings as errors
	cargo fmt --all --check
	PYO3_PYTHON=$(abspath $(BIN)/python) \
		cargo clippy --locked --workspace --all-targets -- -D warnings
	test -z "$(LOCAL_AUDIO)" || \
		cargo clippy --locked -p pipecat-rs-transport $(LOCAL_AUDIO) -- -D warnings
	PYO3_PYTHON=$(abspath $(BIN)/python) RUSTDOCFLAGS="-D warnings" \
		cargo doc --locked --workspace --no-deps
	test -z "$$(cargo tree --locked -p pipecat-engine -i pyo3 2>/dev/null)" # no Python in the engine
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/python -m mypy.stubtest --concise pipecat_rs._core

stress: $(EXTENSION) $(DEV) ## run ten thousand random runs of random pipelines (ARGS="--runs 500 --seed 7")
	PYTHONPATH=tests $(BIN)/python -m stress $(ARGS)

bench: $(EXTENSION) $(DEV) $(SMART_TURN) ## measure the engine, and the same bots beside pipecat-ai (ARGS="--quick")
	cargo bench --locked -p benches
	$(BIN)/python benches/vs_pipecat/run.py $(ARGS)

soak: $(EXTENSION) $(DEV) ## hold a hundred calls of all manners for 20 minutes (ARGS="--minutes 2")
	$(BIN)/python benches/soak/run.py $(ARGS)

wheel: $(STAMPS)/maturin ## build a wheel for each CPython from 3.11 to 3.13 found, and try each
	rm -rf dist
	$(MATURIN) build --release --locked --out dist --interpreter $$(tools/pythons.sh)
	for python in $$(tools/pythons.sh); do tools/try_wheel.sh "$$python" dist; done

test-all: wheel ## run pytest on the wheel under each CPython found (ARGS for pytest)
	failed=""; \
	for python in $$(tools/pythons.sh); do \
		echo "--- tests under $$($$python --version)"; \
		tools/test_wheel.sh "$$python" dist $(ARGS) || failed="$$failed $$python"; \
	done; \
	if [ -n "$$failed" ]; then echo "tests failed under:$$failed" >&2; exit 1; fi

fmt: $(DEV) ## format and repair what can be repaired
	cargo fmt --all
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove everything that these targets make
	rm -rf target dist build .venv .venv-3.* benches/.venv-pipecat .pytest_cache .ruff_cache .mypy_cache
	find python -name '_core*.so' -delete

$(STAMPS)/venv:
	@test -n "$(PYTHON)" || { echo "no CPython 3.11, 3.12 or 3.13 with its venv module was found:" \
		"install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install "pip>=25.1,<27"
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/maturin: $(STAMPS)/venv
	$(PIP) install "maturin>=1.10,<2"
	@touch $@

$(EXTENSION): $(STAMPS)/maturin pyproject.toml $(RUST_SOURCES)
	@command -v cargo >/dev/null || { echo "Rust is needed: https://rustup.rs" >&2; exit 1; }
	$(MATURIN) develop --release --locked --extras local $(LOCAL_AUDIO)
	@touch $@

$(DEV): $(STAMPS)/venv pyproject.toml
	$(PIP) install --group dev
	@touch $@

# The network of the end of turn, out of pipecat-ai's wheel.
$(SMART_TURN): $(STAMPS)/venv tools/smart_turn_model.py
	$(BIN)/python tools/smart_turn_model.py
	@touch $@
