# Two commands on a fresh machine do all the set-up: `make run` and `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ_S ?= 60
EXAMPLES ?= 15
TAPS ?= 50000000
STAMP := $(VENV)/.installed

.PHONY: help run test test-attacks test-browser firmware web web-check lint unit setup system lock audit check-arm64 fuzz fuzz-each fuzz-board bench-board misreads mutate cose-check schemathesis bench bench-age bench-long ledger-drill topup-drill simulate simulate-long clean

help: ## what there is to do
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: setup web ## set up what is needed and run the demo: three buses, broker, backend, status page, the passengers' app
	@$(BIN)/savar demo

test: setup system lint web-check unit ## set up what is needed and run lint and every test

test-attacks: setup system ## every attack of docs/THREATS.md, with its defence switched off and on; a line each
	@$(BIN)/pytest -q tests/attacks

test-browser: setup system ## the pages of web/ in a real Chromium: driver, rider's panel, office, passenger; part of `make test`
	@$(BIN)/pytest -q tests/web

firmware: setup system ## build the panel board's program, for the board and for tests; its size, static analysis
	@$(MAKE) -s -C firmware_bridge/firmware PYTHON=$(abspath $(BIN))/python BUILD=$(abspath build/firmware) all check
	@echo "static analysis (cppcheck): nothing found"

web: setup ## build the pages of web/ into build/web, if anything they are made of has changed
	@bash deploy/web.sh $(VENV)

web-check: setup ## build the pages and run their own checks: svelte-check, vitest
	@bash deploy/web.sh $(VENV) check

lint: setup ## formatting, ruff, strict types, import lines
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: setup ## every test, without lint
	@bash deploy/unit.sh $(BIN)/pytest

setup: $(STAMP)

$(STAMP): requirements/dev.lock pyproject.toml deploy/setup.sh
	@bash deploy/setup.sh "$(PYTHON)" "$(VENV)"
	@touch $@

system: ## install what the tests need from Debian: mosquitto, postgresql, libzbar0, chromium, gcc (for ARM, too), qemu-system-arm, softhsm2, opensc, swtpm, libtpm2-pkcs11-1, tpm2-tools; for root e2fsprogs, mount, iproute2
	@bash deploy/system.sh

lock: ## renew requirements/*.lock from pyproject.toml
	@bash deploy/lock.sh $(BIN)/uv

audit: setup ## ask over the network what holes are known in the locked packages; not 0 where one is known, or nobody answers
	@bash deploy/extra.sh $(BIN)/python build/audit pip-audit==2.10.1
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m tests.house.audit $(abspath build/audit)/bin/pip-audit npm

check-arm64: setup ## every package of requirements/edge.lock as a wheel for a Raspberry Pi, at the locked version
	@bash deploy/check_arm64.sh $(BIN)/pip build/arm64

fuzz: setup ## fuzz every decoder for FUZZ_S=60 seconds, with atheris in an environment of its own
	@mkdir -p build/fuzz-corpus && bash deploy/fuzz.sh $(BIN)/python $(FUZZ_S) all

fuzz-each: setup ## fuzz each kind of decoder by itself for FUZZ_S seconds (the issue's ten minutes: FUZZ_S=600), and the lines reached
	@mkdir -p build/fuzz-corpus && bash deploy/fuzz.sh $(BIN)/python $(FUZZ_S) each

fuzz-board: setup ## fuzz the panel board's program, built for this machine with sanitizers, for FUZZ_S=60 seconds (needs clang)
	@$(MAKE) -s -C firmware_bridge/firmware PYTHON=$(abspath $(BIN))/python BUILD=$(abspath build/firmware) $(abspath build/firmware)/fuzz
	@mkdir -p build/fuzz-board && build/firmware/fuzz build/fuzz-board -max_total_time=$(FUZZ_S) -max_len=600 -print_final_stats=1

bench-board: setup ## 100,000 commands to the emulated panel board over a spoiling line; 20 minutes
	@$(BIN)/savar bench board

misreads: setup ## 100,000 drawn frames: is a code ever taken for another one? an hour
	@$(BIN)/savar bench misreads --keep build/misreads.jsonl

mutate: setup ## every small change of protocol/ and the cores must fail a test: hours, goes on where it was
	@$(BIN)/python -m tests.mutation.run && $(BIN)/python -m tests.mutation.report

cose-check: setup ## check the COSE and HPKE vectors with independent libraries, in an environment of their own
	@bash deploy/extra.sh $(BIN)/python build/cose cwt==3.3.0
	@build/cose/bin/python tests/vectors/check_cose.py

schemathesis: setup ## the served API against its own document, EXAMPLES=15 an operation and caller: 18 minutes
	@$(BIN)/python -m tests.backend.document.drill $(EXAMPLES)

bench: setup ## the benchmarks whose figures stand in docs/BENCHMARKS.md
	@for n in 1 2 3; do $(BIN)/savar bench tap; done

bench-long: setup system ## a ledger of TAPS=50,000,000 taps beside an empty one, in each database: 90 GB of room and some hours
	@mkdir -p build && for db in sqlite postgresql; do $(BIN)/savar bench filled --db $$db --taps $(TAPS) --folder build --json build/bench-long-$$db.json || exit 1; done

bench-age: setup ## a device that was offline for 120 days: about 7 minutes
	@$(BIN)/savar bench age

ledger-drill: setup system ## the ledger under kills, 400,000 taps in each database, and restored: half an hour of two cores
	@mkdir -p build && for db in sqlite postgresql; do $(BIN)/savar drill ledger --db $$db --json build/drill-$$db.json || exit 1; done

topup-drill: setup system ## 10,000 top-ups with both providers misbehaving and the backend killed, in each database: half an hour of two cores
	@mkdir -p build && for db in sqlite postgresql; do $(BIN)/savar drill topups --db $$db --json build/topups-$$db.json || exit 1; done

simulate: setup ## 2,000 cities in a simulated world, with everything that goes wrong
	@mkdir -p build && $(BIN)/savar simulate --seeds 0:2000 --json build/simulate.json

simulate-long: setup ## 20 cities of 90 days with riding on each
	@mkdir -p build && $(BIN)/savar simulate --seeds 0:20 --days 90 --json build/simulate-long.json

clean: ## remove the environment and the runs
	rm -rf $(VENV) run build dist web/node_modules *.egg-info
