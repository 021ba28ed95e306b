# Gatewatch. The targets people use: run, test, check, bench, fuzz, gen, build.
SHELL := /bin/bash
.DEFAULT_GOAL := build
export CGO_ENABLED ?= 0

TOOLS := $(CURDIR)/.tools
BUF_VERSION := 1.75.0
GOOGLEAPIS_VERSION := 1.76.0
GOLANGCI_VERSION := v2.15.0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: build web run test test-race check fmt vet lint static web-check mod-check gen gen-check bench fuzz peers clean

build: web ## build bin/gatewatch and bin/gatewatch-waf
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

# The console's bundle, which gatewatch embeds. Made anew when a source is newer.
WEB := dashboards/web
WEB_SOURCES = $(shell find $(WEB) -type d \( -name node_modules -o -name dist \) -prune -o -type f -print)

web: $(if $(wildcard $(WEB)/package.json),$(WEB)/dist/manifest.json) ## build the console (needs Node.js)

$(WEB)/dist/manifest.json: $(WEB)/node_modules/.installed $(WEB_SOURCES)
	npm --prefix $(WEB) run --silent build
	touch $@

$(WEB)/node_modules/.installed: $(WEB)/package.json $(WEB)/package-lock.json
	npm --prefix $(WEB) ci --no-audit --no-fund --silent
	touch $@

# In a job of its own, so that Ctrl-C ends the demonstration and not make.
run: build ## start the live demonstration; Ctrl-C ends it
	go build -o .run/ ./test/demo
	@set -m; .run/demo -bin bin -dir .run; exit $$?

test: build peers ## install what the tests need and run them all
	go test -timeout 30m ./...
	$(MAKE) --no-print-directory test-race

# The race detector needs cgo; it is for the tests alone.
test-race: web
	CGO_ENABLED=1 go test -race -short -timeout 30m ./...

peers: ## install the real peers that tests talk to (Debian packages; needs root)
	deploy/peers/install.sh

check: static test-race ## what CI runs

# What needs no running program.
static: fmt vet lint mod-check gen-check web-check

web-check: web ## types, tests and dictionaries of the console
	npm --prefix $(WEB) run --silent check

fmt: $(TOOLS)/bin/golangci-lint
	$(TOOLS)/bin/golangci-lint fmt --diff

vet:
	go vet ./...

lint: $(TOOLS)/bin/golangci-lint
	$(TOOLS)/bin/golangci-lint run ./...

mod-check:
	go mod tidy -diff

gen: $(TOOLS)/buf-$(BUF_VERSION) $(TOOLS)/googleapis-$(GOOGLEAPIS_VERSION) ## make the generated code and documents anew
	PATH="$(TOOLS)/buf-$(BUF_VERSION)/node_modules/.bin:$$PATH" deploy/gen.sh

gen-check: gen
	@git diff --exit-code --stat -- proto || { echo "generated files are stale: run make gen and commit"; exit 1; }

bench: ## run all benchmarks; see BENCHMARKS.md
	go test -run '^$$' -bench . -benchmem ./...

FUZZTIME ?= 30s
fuzz: ## run every fuzz target for FUZZTIME
	deploy/fuzz.sh $(FUZZTIME)

# Sources that share attacks or sites are held out together (detection/verdict/MODEL.md).
MODEL_FOLDS := --fold httpparams,gotestwaf,transplant-dev --fold crs-ftw,ugc-dev \
	--fold vulnbank,plugin-fp,semicomplete-log --fold ccf2022,torpeda2012

model: build ## train the model of verdicts anew: make model DATA=folder of labelled requests
	bin/gatewatch waf train $(MODEL_FOLDS) --out detection/verdict/model.bin $(sort $(wildcard $(DATA)/*.jsonl.gz))

clean:
	rm -rf bin .run $(WEB)/node_modules
	find $(WEB)/dist -mindepth 1 -not -name .gitkeep -delete

$(TOOLS)/bin/golangci-lint:
	GOBIN=$(TOOLS)/bin CGO_ENABLED=0 go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

$(TOOLS)/buf-$(BUF_VERSION):
	npm install --prefix $@ --no-audit --no-fund --silent @bufbuild/buf@$(BUF_VERSION)

$(TOOLS)/googleapis-$(GOOGLEAPIS_VERSION):
	deploy/googleapis.sh $(GOOGLEAPIS_VERSION) $(TOOLS)/googleapis
	touch $@
