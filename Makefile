# Each target does its own set-up. Needs Python 3.11 and nothing else.
.PHONY: demo test lint format serve lock audit bench bench-retrieval clean

demo: ## Ingest the sample corpus and ask three questions
	scripts/install.sh
	scripts/demo.sh

test: ## All tests and checks, as CI runs them
	scripts/install.sh dev
	scripts/test.sh

lint: ## Style, types and import contracts
	scripts/install.sh dev
	scripts/lint.sh

format: ## Format the code
	scripts/install.sh dev
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

serve: ## Serve the page and the HTTP interface
	scripts/install.sh
	.venv/bin/footnote serve

lock: ## Write the lock files anew
	scripts/install.sh dev
	scripts/lock.sh

audit: ## Locked dependencies, secrets in files, known advisories
	scripts/install.sh dev
	scripts/audit.sh

bench: ## List the benchmarks
	@sed -n '/^| program/,/^$$/p' benchmarks/README.md

bench-retrieval: ## How much of the right text is found: make bench-retrieval DATA=folder
	scripts/install.sh dev
	.venv/bin/python -m benchmarks.retrieval $(DATA) --ablations

clean: ## Remove what the targets above made
	rm -rf .venv .venv-audit .demo-data .mypy_cache .ruff_cache .pytest_cache .hypothesis
