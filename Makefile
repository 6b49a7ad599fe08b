# Each target makes the environment it needs: see .ci/environment.
SHELL := /bin/sh
ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
BIN := .venv/bin
ARGS ?=

.PHONY: help demo test quick kills pi lint bench planted nightly lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    a whole village on this machine, to switch and to watch (Ctrl-C ends it)"
	@echo "make test    everything that is checked before a change goes in"
	@echo "make quick   the tests that take no time"
	@echo "make kills   real harm at length: killed at every call that stores, sends or drives a line, offline for long, fifty power cuts (fifty minutes)"
	@echo "make pi      an emulated Raspberry Pi: what its lines do, and what a start costs; writes docs/emulated-pi* (twenty minutes, root)"
	@echo "make lint    style and types only"
	@echo "make bench   the measurements; each prints its figure beside its floor"
	@echo "make planted known bugs put into copies of the tree, each to be caught by the tests"
	@echo "make nightly a year of random village-days, lights and fields, a season of the field, random examples, and the emulated Raspberry Pi; FIRST=7 begins with another seed"
	@echo "make lock    pin the newest versions that fit together, with their hashes"
	@echo "make clean   remove what the other targets made"

demo:
	@cd "$(ROOT)" && sh .ci/environment demo && exec $(BIN)/village-edge demo $(ARGS)

# Two at a time, a file to each: most of what is slow waits. In their order: files of few tests are not the short ones.
test: lint
	@cd "$(ROOT)" && exec $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

quick:
	@cd "$(ROOT)" && sh .ci/environment test && exec $(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile $(ARGS)

kills:
	@cd "$(ROOT)" && sh .ci/environment test && KILLS=all exec $(BIN)/python -m pytest -s tests/harm tests/machine/test_boots.py $(ARGS)

pi:
	@cd "$(ROOT)" && PI=1 sh .ci/environment test && exec $(BIN)/python tests/pi/record.py $(ARGS)

lint:
	@cd "$(ROOT)" && sh .ci/environment test && $(BIN)/ruff check . && exec $(BIN)/mypy

bench:
	@cd "$(ROOT)" && sh .ci/environment test && for bench in tests/bench/*.py; do \
		if [ -e "$$bench" ]; then $(BIN)/python "$$bench" || exit 1; fi; done

planted:
	@cd "$(ROOT)" && sh .ci/environment test && exec $(BIN)/python tests/planted/run.py $(ARGS)

FIRST ?= 1000
nightly:
	@cd "$(ROOT)" && sh .ci/environment test && $(BIN)/python -m tests.search --first $(FIRST) --days 365 $(ARGS) && \
		$(BIN)/python -m tests.search --fields --first $(FIRST) --days 100 --each 0.5 $(ARGS) && \
		$(BIN)/python -m tests.search --twins --first $(FIRST) --days 40 --each 0.3 $(ARGS) && \
		$(BIN)/python -m tests.seasons && \
		HYPOTHESIS=random $(BIN)/python -m pytest -q -n 2 --dist loadfile tests/core tests/config tests/drivers && \
		PI=1 sh .ci/environment test && PI=1 exec $(BIN)/python -m pytest -q tests/pi

lock:
	@cd "$(ROOT)" && exec sh .ci/lock

clean:
	@cd "$(ROOT)" && rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@cd "$(ROOT)" && find . -name __pycache__ -type d -prune -exec rm -rf {} +
