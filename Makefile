# Every target installs what it needs on Debian 12 (packages through apt-get, Go programs into the
# user's cache) and is quiet when nothing is to do. Programs land in build/bin.
SHELL := /bin/bash
.DEFAULT_GOAL := build
.PHONY: help build run test bench e2e images format tidy tools clean packages-build packages-test \
        packages-bench packages-coverage packages-e2e packages-images coverage

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
	@echo "make coverage  what the tests run of the code: a table, and build/coverage/html"
	@echo "make bench   the tables of speeds beside other registries; BENCH='--only tls' for a part"
	@echo "make images  container images of the programs, in build/images"
	@echo "make e2e     Bunker on a real Kubernetes: one node on this machine, or KUBECONFIG's"
	@echo "make format  formats the code; make tidy: clang-tidy on all of it, headers alone"
	@echo "make clean   removes build/"

packages-build packages-test packages-bench packages-coverage packages-e2e packages-images: packages-%:
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

images: packages-images build
	@/usr/bin/python3 deploy/images/build_images.py $(IMAGES)

e2e: packages-test packages-e2e
	@/usr/bin/python3 tests/tools/run_tests.py e2e

bench: packages-bench build
	@tests/tools/install_tools.sh registry versitygw kubernetes
	@/usr/bin/python3 tests/bench/bench.py $(BENCH)

coverage: packages-test packages-coverage
	@/usr/bin/python3 tests/tools/coverage.py

format: packages-test
	@git ls-files '*.h' '*.cpp' | xargs clang-format-19 -i

tidy: test-headers test-tidy-whole

clean:
	@rm -rf build
