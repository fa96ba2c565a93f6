# The front door. `make` builds, `make help` lists the rest. Packages that are missing are installed
# first (scripts/setup).

PREFIX ?= /usr/local
DESTDIR ?=
PYTHON ?= /usr/bin/python3
ARGS ?=
SECONDS ?= 600

options-build-asan = -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized
options-build-tsan = -Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized
options-build-debug = -Dbuildtype=debug

.PHONY: all setup build build-asan build-tsan build-debug run cluster dev-cert debug test sanitize fuzz bench sim npm-package screenshots install format clean help
.NOTPARALLEL:

all: build ## build the server and the client: build/banterd and build/banter

setup: ## install the packages that building and testing need
	scripts/setup test

# ninja notices what changed, the build files included; only the first time it has to be told how.
build build-asan build-tsan build-debug: %: packages
	@test -e $@/build.ninja || meson setup $(options-$@) $@
	ninja -C $@ src/server/banterd src/client/banter
	@ln -sf src/server/banterd src/client/banter $@/

run: build ## start the server, with its data in ./data (options: make run ARGS="…")
	build/banterd $(ARGS)

cluster: build ## start three nodes, Redis with a replica and sentinels, and HAProxy, to try (options: make cluster ARGS="--port 9765")
	@scripts/setup cluster
	@scripts/cluster $(ARGS)

dev-cert: ## make a certificate to try TLS with, in ./dev-cert
	@scripts/dev-cert

debug: build-debug ## build without optimisation, for a debugger: build-debug/banterd

test: test-packages build build-asan ## run every test there is
	$(PYTHON) tests/run build-asan build

sanitize: test-packages build-asan build-tsan ## run the tests against builds that look for memory errors, and for races of threads
	$(PYTHON) tests/run build-asan
	$(PYTHON) tests/run --threads build-tsan

fuzz: fuzz-packages ## look for inputs that break a parser or a session (SECONDS=600, TARGET=NAME)
	@test -e build-fuzz/build.ninja || \
	    CC=clang meson setup $(options-build-asan) -Dc_args=-fsanitize=fuzzer-no-link build-fuzz
	ninja -C build-fuzz fuzz-targets
	$(PYTHON) tests/fuzz/run build-fuzz --seconds $(SECONDS) $(if $(TARGET),--target $(TARGET))

bench: build ## measure the server, the machine's limit and others (options: make bench ARGS="--only fanout --runs 1")
	@scripts/setup bench
	ninja -C build bench/bare_send
	$(PYTHON) bench/run.py build $(ARGS)

sim: build ## run simulated servers from seeds (SEED=7, SEEDS=1-500, MINUTES=5, NODES=2)
	ninja -C build src/sim/banter-sim
	@ln -sf src/sim/banter-sim build/
	build/banter-sim $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(NODES),--nodes $(NODES)) $(ARGS)

npm-package: ## put the JavaScript library together as an npm package, in build/npm
	@scripts/npm-package build/npm

screenshots: test-packages build ## take the pictures of docs/images
	scripts/screenshots

install: ## install; PREFIX (default /usr/local) and DESTDIR as usual
install: build
	meson configure build -Dprefix=$(abspath $(PREFIX))
	ninja -C build src/server/banterd src/client/banter system-files
	DESTDIR="$(DESTDIR)" meson install -C build --no-rebuild

format: ## bring every C file into the house style
	scripts/setup format
	git ls-files '*.c' '*.h' | xargs clang-format -i

clean: ## remove everything that was built
	rm -rf build build-asan build-tsan build-debug build-fuzz

help: ## show this
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: packages test-packages fuzz-packages
packages:
	@scripts/setup build
test-packages:
	@scripts/setup test
fuzz-packages:
	@scripts/setup fuzz
