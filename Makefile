# ARGS goes to the program or to the tests: make test ARGS='-run TestGet -v'
# The shop is built and takes the place of make's shell, so that ending make ends
# it: `go run` would leave it running.
# To the go command, "work" means all packages of all modules in go.work.
.DEFAULT_GOAL := help
.PHONY: help run test lint fmt traffic bench clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\): ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10
run: ## start the example shop and print its addresses
	cd examples/storefront && go build -o ../../bin/storefront . && exec ../../bin/storefront $(ARGS)
test: ## install what the tests need, then test all modules with the race detector
	scripts/install-test-services && go test -race -timeout 30m $(ARGS) work
lint: ## go vet, staticcheck and gofumpt over all modules
	scripts/lint
fmt: ## format all Go files
	scripts/tool gofumpt -w .
traffic: ## drive a running shop for a minute, print hit ratios and latencies
	cd examples/storefront && go build -o ../../bin/traffic ./cmd/traffic && exec ../../bin/traffic $(ARGS)
bench: ## compare with other libraries, print a table
	cd bench && go run . $(ARGS)
clean: ## remove the programs in bin and the shop's storefront.db
	rm -rf bin && cd examples/storefront && rm -f storefront.db storefront.db-shm storefront.db-wal
