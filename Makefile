# The front door. `make` builds, `make help` lists the rest. Packages that are missing are installed
# first (scripts/setup).

PREFIX ?= /usr/local
DESTDIR ?=
PYTHON ?= /usr/bin/python3
ARGS ?=
SECONDS ?= 600

options-build-asan = -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized
options-build-debug = -Dbuildtype=debug

.PHONY: all setup build build-asan build-debug run dev-cert debug test sanitize fuzz bench sim install format clean help
.NOTPARALLEL:

all: build ## build the server and the client: build/banterd and build/banter

setup: ## install the packages that building and testing need
	scripts/setup test

# ninja notices what changed, the build files included; only the first time it has to be told how.
build build-asan build-debug: %: packages
	@test -e $@/build.ninja || meson setup $(options-$@) $@
	ninja -C $@ src/server/banterd src/client/banter
	@ln -sf src/server/banterd src/client/banter $@/

run: build ## start the server, with its data in ./data (options: make run ARGS="…")
	build/banterd $(ARGS)

dev-cert: ## make a certificate to try TLS with, in ./dev-cert
	@scripts/dev-cert

debug: build-debug ## build without optimisation, for a debugger: build-debug/banterd

test: test-packages build build-asan ## run every test there is
	$(PYTHON) tests/run build-asan build

sanitize: test-packages build-asan ## run the tests against a build that looks for memory errors
	$(PYTHON) tests/run build-asan

fuzz: packages ## talk nonsense to a server until it breaks (needs clang; options: make fuzz SECONDS=60)
	@test -e build-fuzz/build.ninja || \
	    CC=clang meson setup $(options-build-asan) -Dc_args=-fsanitize=fuzzer-no-link build-fuzz
	ninja -C build-fuzz tests/fuzz/fuzz_session
	@mkdir -p build-fuzz/corpus
	cd build-fuzz && tests/fuzz/fuzz_session -max_total_time=$(SECONDS) -max_len=3000 -timeout=20 corpus

bench: build ## measure the server against bare sends (options: make bench ARGS="…")
	ninja -C build bench/bare_send
	$(PYTHON) bench/run.py build $(ARGS)

sim: build ## run simulated servers from seeds (SEED=7, SEEDS=1-500, MINUTES=5)
	ninja -C build src/sim/banter-sim
	@ln -sf src/sim/banter-sim build/
	build/banter-sim $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS)

install: ## install; PREFIX (default /usr/local) and DESTDIR as usual
install: build
	meson configure build -Dprefix=$(abspath $(PREFIX))
	ninja -C build src/server/banterd src/client/banter system-files
	DESTDIR="$(DESTDIR)" meson install -C build --no-rebuild

format: ## bring every C file into the house style
	scripts/setup format
	git ls-files '*.c' '*.h' | xargs clang-format -i

clean: ## remove everything that was built
	rm -rf build build-asan build-debug

help: ## show this
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: packages test-packages
packages:
	@scripts/setup build
test-packages:
	@scripts/setup test
