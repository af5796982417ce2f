# What one does with this tree. `make run` needs Rust and a C compiler, nothing else.
.PHONY: help run test test-long check bench geo

help:
	@echo 'make run     build and open a demonstration organization of 1,000 invented people'
	@echo 'make test    install what the tests need (PostgreSQL, Chromium, axe-core), then run all of them'
	@echo 'make test-long  the tests that are worth many rounds, with many rounds; and clients generated for the API'
	@echo 'make check   formatting and lints'
	@echo 'make geo     fetch data that say where addresses are (npm), and install them'
	@echo 'make bench   measure against what this machine can do (release build, some minutes)'

# The data are kept in ./muster-data/demo.db; delete that directory to begin again.
run:
	@echo 'Building. When the server is ready it prints the address to open and how to sign in; Ctrl C stops it.'
	cargo run -- serve --demo

# Databases of the tests are made in memory where there are four gigabytes for them.
SCRATCH = $$([ "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 4000000 ] 2>/dev/null && echo /dev/shm)

test:
	scripts/install-test-tools
	MUSTER_TEST_SCRATCH=$(SCRATCH) cargo test --workspace --no-fail-fast

# The same programs as in `make test`; MUSTER_LONG_ROUNDS says how often they go round.
test-long:
	scripts/install-test-tools
	MUSTER_TEST_SCRATCH=$(SCRATCH) MUSTER_LONG_ROUNDS=$${MUSTER_LONG_ROUNDS:-50} cargo test --test suite in_flight:: -- --nocapture
	scripts/install-test-tools --clients
	scripts/test-clients

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

geo:
	scripts/fetch-places

bench:
	cargo run --release -- bench
