# ARGS goes to the program or to the tests: make test ARGS='-run TestGet -v'
# To the go command, "work" means all packages of all modules in go.work.
.DEFAULT_GOAL := help
.PHONY: help run test lint fmt traffic bench clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\): ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10
run: ## start the example shop and print its addresses
	cd examples/storefront && go run . $(ARGS)
test: ## install what the tests need, then test all modules with the race detector
	scripts/install-test-services && go test -race $(ARGS) work
lint: ## go vet, staticcheck and gofumpt over all modules
	scripts/lint
fmt: ## format all Go files
	scripts/tool gofumpt -w .
traffic: ## drive a running shop for a minute, print hit ratios and latencies
	cd examples/storefront && go run ./cmd/traffic $(ARGS)
bench: ## compare with other libraries, print a table
	cd bench && go run . $(ARGS)
clean: ## remove what builds, tests and the shop leave behind
	git clean -dfqX && go clean -testcache
