# Every command of the project's daily life. `make help` lists them.
.DEFAULT_GOAL := help
PREFIX ?= /usr/local

.PHONY: help build demo test format lint fuzz clients schema browser asan tsan bench-peers gpu-bundle gpu-check docs install clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the program: build/bin/ipfs-accelerate
	@tools/build.sh release ipfs_accelerate_program

demo: ## build, embed a page of sentences with a real model, show which are closest
	@tools/bootstrap.sh build model
	@tools/build.sh release ipfs_accelerate_program
	@tools/demo.sh

test: ## build and run every test
	@tools/test.sh

format: ## rewrite the sources with clang-format
	@tools/format.sh

lint: ## check formatting, and changed sources with clang-tidy (ALL=1: all sources)
	@tools/lint.sh $(if $(ALL),--all)

fuzz: ## run each fuzzer a million times
	@tools/fuzz.sh 1000000

asan: ## run the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/build.sh asan
	@ASAN_OPTIONS=allocator_may_return_null=1 ctest --test-dir build/asan --output-on-failure --parallel 2

tsan: ## run the tests under ThreadSanitizer
	@tools/build.sh tsan
	@TSAN_OPTIONS=allocator_may_return_null=1 ctest --test-dir build/tsan --output-on-failure --parallel 2

clients: ## run unmodified clients of other servers, of pip and npm, against `serve`
	@tools/check_clients.sh

schema: ## run schemathesis over the server's own /openapi.json
	@tools/bootstrap.sh build model clients
	@tools/build.sh release ipfs_accelerate_program
	@.venv/bin/python tests/clients/check_schema.py build/bin/ipfs-accelerate "$$(.venv/bin/python tools/model_path.py)" $(EXAMPLES)

browser: ## try the status page in Chromium
	@tools/check_browser.sh

bench-peers: ## compare with ONNX Runtime, OpenVINO and PyTorch on the same weights
	@tools/bootstrap.sh build model peers
	@tools/build.sh release ipfs_accelerate_program
	@.venv-peers/bin/python benchmarks/peers/run.py --model "$$(.venv/bin/python tools/model_path.py)"

gpu-bundle: ## build and collect what gpu-check needs on a machine that builds nothing: build/gpu-bundle
	@tools/gpu_bundle.sh

gpu-check: gpu-bundle ## check and measure the cuda backend on this machine's GPU; without one, what needs none
	@build/gpu-bundle/gpu_check.sh benchmarks/results

docs: ## regenerate docs/ops.md, the table of ops and of the backends that run them
	@tools/build.sh release ops_table
	@build/bin/ops_table support --update docs/ops.md

install: ## install the program, the library and its headers to PREFIX (/usr/local)
	@tools/build.sh release ipfs_accelerate_program
	@cmake --install build --prefix "$(PREFIX)"

clean: ## remove what was built; .venv and .venv-peers stay
	rm -rf build
