# Each target does its own set-up. Needs Python 3.11 and nothing else.
SECONDS ?= 600
.PHONY: demo test lint format serve lock audit fuzz bench litellm bench-retrieval bench-ingestion conversations bombs chaos \
	states canaries diskfull backups cache gateway durability search footprint clients clean

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

fuzz: ## Call every route with generated requests and two tenants' keys: make fuzz SECONDS=600 SEED=1
	scripts/install.sh dev
	.venv/bin/python -m tests.fuzz --seconds $(SECONDS) --seed $(SEED)

audit: ## Locked dependencies, secrets in files, known advisories
	scripts/install.sh dev
	scripts/audit.sh

litellm: ## The service behind a real LiteLLM proxy with mock models, which gets an environment of its own
	scripts/install.sh dev
	scripts/litellm.sh

bench: ## List the benchmarks
	@sed -n '/^| program/,/^$$/p' benchmarks/README.md

bench-retrieval: ## How much of the right text is found: make bench-retrieval DATA=folder
	scripts/install.sh dev
	.venv/bin/python -m benchmarks.retrieval $(DATA) --ablations

bench-ingestion: ## KB/s beside other programs: make bench-ingestion DATA=folder PEERS=folder
	scripts/install.sh dev
	scripts/peers.sh $(PEERS)
	.venv/bin/python -m benchmarks.ingestion $(DATA) --peers $(PEERS)

conversations: ## Follow-up questions, rewritten without a model: make conversations DATA=folder
	scripts/install.sh dev
	.venv/bin/python -m benchmarks.conversations $(DATA)

# What docs/durability.md and docs/limits.md promise, each with a seed. SHORT=1 is the form that CI runs.
SEED ?= 1
RELIABLE = .venv/bin/python -m benchmarks
OUT = $(if $(SHORT),,--out benchmarks/results/$@.json)

bombs: ## Files made to harm whoever reads them: make bombs [DATA=folder]
	scripts/install.sh dev
	$(RELIABLE).bombs $(DATA) --seed $(SEED) $(if $(SHORT),--short)

chaos: ## SIGKILL under load, 500 times
	scripts/install.sh dev
	$(RELIABLE).chaos --kills $(if $(SHORT),10,500) --seed $(SEED) $(OUT)

states: ## 10,000 requests with restarts against a plain model
	scripts/install.sh dev
	$(RELIABLE).states --operations $(if $(SHORT),200,10000) --seed $(SEED) $(OUT)

canaries: ## 1,000 deleted documents looked for everywhere
	scripts/install.sh dev
	$(RELIABLE).canaries --documents $(if $(SHORT),20,1000) --seed $(SEED) $(OUT)

diskfull: ## Every write fails once, and with all after it
	scripts/install.sh dev
	$(RELIABLE).diskfull $(if $(SHORT),--sample 6) --seed $(SEED) $(OUT)

backups: ## 20 backups under load, each restored
	scripts/install.sh dev
	$(RELIABLE).backups --backups $(if $(SHORT),3,20) --seed $(SEED) $(OUT)

durability: chaos states canaries diskfull backups ## The five above

cache: ## Kept answers: how quick they are, and that none outlives its evidence
	scripts/install.sh dev
	$(RELIABLE).answer_cache --seed $(SEED) $(if $(SHORT),--short) $(OUT)

gateway: ## Every fault of a gateway, and a hundred requests at once against one budget
	scripts/install.sh dev
	$(RELIABLE).gateway_faults $(if $(SHORT),--short) $(OUT)

search: ## Questions over HTTP beside the bare encoder: make search DATA=folder [CACHE=folder]
	scripts/install.sh dev
	.venv/bin/python -m benchmarks.search $(DATA) $(if $(CACHE),--cache $(CACHE))

growth: ## What a document and a question cost as a collection grows: make growth DATA=folder CACHE=folder
	scripts/install.sh dev
	.venv/bin/python -m benchmarks.growth $(DATA) --cache $(CACHE)

again: ## The same corpus again, and one edited paragraph: make again DATA=folder
	scripts/install.sh dev
	.venv/bin/python -m benchmarks.again $(DATA)

footprint: ## Start-up and memory
	scripts/install.sh dev
	.venv/bin/python -m benchmarks.footprint

clients: ## The clients of others, in an environment of their own, run what docs/clients shows
	scripts/install.sh dev
	[ -x .venv-clients/bin/python ] || .venv/bin/python -m venv .venv-clients
	.venv-clients/bin/python -m pip install --quiet -r clients/requirements.txt
	.venv/bin/python -m pytest tests/clients

clean: ## Remove what the targets above made
	rm -rf .venv .venv-audit .venv-litellm .venv-clients .demo-data .mypy_cache .ruff_cache .pytest_cache .hypothesis
