# The two commands are `make run` and `make test`; `make help` lists the rest.
BUILD ?= build
JOBS ?= $(shell nproc)
CMAKE_FLAGS ?=
CLANG = -DCMAKE_CXX_COMPILER=clang++-19

.PHONY: help run build test bench lint format asan tsan fuzz clean

help:
	@echo "make run      install, build, fetch a model, start the server, ask it a question (ONCE=1 stops after the answer)"
	@echo "make test     everything that must pass"
	@echo "make build    the binary, build/ondol"
	@echo "make bench    the figures of docs/performance.md, beside llama.cpp (takes long; builds the peer on first use)"
	@echo "make lint     clang-format and clang-tidy;   make format rewrites the sources"
	@echo "make asan     the C++ tests under address and undefined-behaviour sanitizers;   make tsan: thread sanitizer"
	@echo "make fuzz     every fuzz target, SECONDS each (default 20)"

build:
	@scripts/deps.sh build
	@cmake -S . -B $(BUILD) -G Ninja -DONDOL_TESTS=OFF $(CMAKE_FLAGS) >/dev/null
	@cmake --build $(BUILD) -j $(JOBS) --target ondol

run: build
	@scripts/run.sh

test:
	@scripts/deps.sh build test
	@cmake -S . -B $(BUILD) -G Ninja -DONDOL_TESTS=ON $(CMAKE_FLAGS) >/dev/null
	@cmake --build $(BUILD) -j $(JOBS)
	@BUILD=$(BUILD) scripts/test.sh

bench: build
	@bench/run.sh

lint:
	@scripts/deps.sh build test tools
	@scripts/lint.sh

format:
	@git ls-files '*.h' '*.cc' | xargs clang-format-19 -i

asan:
	@scripts/deps.sh build test tools
	@cmake -S . -B build-asan -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DONDOL_SANITIZE=address,undefined $(CLANG) $(CMAKE_FLAGS) >/dev/null
	@cmake --build build-asan -j $(JOBS)
	@cd build-asan && ctest --output-on-failure

tsan:
	@scripts/deps.sh build test tools
	@cmake -S . -B build-tsan -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DONDOL_SANITIZE=thread $(CLANG) $(CMAKE_FLAGS) >/dev/null
	@cmake --build build-tsan -j $(JOBS)
	@cd build-tsan && ctest --output-on-failure -R '^(base|net|load|grammar|engine|gateway|meter|twin|endpoint|door|node|app)$$'

fuzz:
	@scripts/deps.sh build test tools
	@cmake -S . -B build-fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DONDOL_FUZZ=ON -DONDOL_TESTS=OFF $(CLANG) $(CMAKE_FLAGS) >/dev/null
	@cmake --build build-fuzz -j $(JOBS)
	@scripts/fuzz.sh build-fuzz $(or $(SECONDS),20)

clean:
	@rm -rf build build-asan build-tsan build-fuzz
