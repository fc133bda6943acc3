# Every target installs what it needs on Debian 12 (packages through apt-get, Go programs into the
# user's cache) and is quiet when nothing is to do. Programs land in build/bin.
SHELL := /bin/bash
.DEFAULT_GOAL := build
.PHONY: help build run test bench format tidy tools clean packages-build packages-test \
        packages-bench

# Where `make run` keeps what is pushed to it; `make clean` leaves it alone.
DATA ?= data
CONFIG ?= deploy/dev/config.yml
JOBS ?= $(shell nproc)

# What `make test` is made of; each is a target of its own: make test-unit, …
PHASES := $(shell sed -n 's/^    Phase."\([a-z-]*\)".*/\1/p' tests/tools/run_tests.py)

help:
	@echo "make build   programs in build/bin"
	@echo "make run     a registry on 127.0.0.1:5000, data in $(DATA)/"
	@echo "make test    every check; one of them: $(addprefix test-,$(PHASES))"
	@echo "make bench   the table of speeds beside other registries"
	@echo "make format  formats the code; make tidy: clang-tidy on all of it, headers alone"
	@echo "make clean   removes build/"

packages-build packages-test packages-bench: packages-%:
	@tests/tools/install_packages.sh build $(filter-out build,$*)

build: packages-build
	@[ -f build/build.ninja ] || cmake --preset release >/dev/null
	@cmake --build build -j $(JOBS)

run: build
	@mkdir -p "$(DATA)"
	@REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="$(DATA)" exec build/bin/registryd serve "$(CONFIG)"

test: packages-test
	@/usr/bin/python3 tests/tools/run_tests.py

$(addprefix test-,$(PHASES)): test-%: packages-test
	@/usr/bin/python3 tests/tools/run_tests.py $*

tools: packages-test
	@tests/tools/install_tools.sh

bench: packages-bench build
	@tests/tools/install_tools.sh registry
	@/usr/bin/python3 tests/bench/bench.py $(BENCH)

format: packages-test
	@git ls-files '*.h' '*.cpp' | xargs clang-format-19 -i

tidy: test-headers test-tidy

clean:
	@rm -rf build
