# SPDX-License-Identifier: Apache-2.0
# Thin on purpose: every target is one line that calls CMake or a script.
.DEFAULT_GOAL := help
.PHONY: help install-dependencies build test test-all test-faults test-newest bench demo demo-down fuzz tidy format clean \
        cluster-up cluster-down

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## */  \1\t/p' $(MAKEFILE_LIST) | expand -t 26

install-dependencies:  ## install missing Debian packages (root or sudo)
	tools/install_dependencies.sh

build:  ## build/release/stillhead and build/release/stillhead-operator
	cmake --preset release && cmake --build --preset release

test:  ## unit, style, database, conformance, public histories, one end-to-end set (needs root)
	tools/test

test-all:  ## test, and thread sanitizer, fuzzing, races and all later suites
	tools/test --all

test-faults:  ## every fault of the operator, on real servers (needs root)
	tests/cluster/build && tests/faults/run

test-newest:  ## random histories beside Alembic's newest release instead of the pinned one
	tests/differential/run --newest

bench:  ## benchmarks beside psql and Alembic; results in docs/benchmarks.md
	tests/bench/run --write docs/benchmarks.md

demo:  ## from nothing to a migration on a real cluster
	tools/demo

demo-down:  ## stop what `demo` started
	tools/demo_down

fuzz:  ## each fuzz target for FUZZ_SECONDS (60) seconds
	tools/fuzz

tidy:  ## clang-tidy over all sources (results are cached)
	tests/style/check_tidy.py

format:  ## format all C++ files in place
	tests/style/check_format.py --fix

cluster-up:  ## start the test cluster
	tests/cluster/up

cluster-down:  ## stop the test cluster
	tests/cluster/down

clean:  ## remove everything that was built in this tree (a running cluster stays: cluster-down)
	cmake -E rm -rf build
