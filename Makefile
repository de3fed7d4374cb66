# Names for commands; no logic lives here.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv/bin
UV := .tools/uv

.PHONY: help setup try test test-unit test-quick test-audit sandbox test-services test-lab test-qemu test-vikunja drill bench lint lock pin settings clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 12

setup: ## everything that the commands below need, in .venv and .tools (no root)
	@command -v python3 >/dev/null || { echo "python3 (3.11 or newer) is missing: sudo apt-get install python3"; exit 1; }
	@python3 .ci/get_uv.py
	@$(UV) sync --locked --quiet --compile-bytecode
	@echo "Ready. This machine:   .venv/bin/pyinfra inventory.py deploy.py"
	@echo "Or in this shell:      . .venv/bin/activate && pyinfra inventory.py deploy.py"

try: setup ## a throw-away Debian 13 machine: build, deploy, test, and how to get in
	@$(VENV)/xnai lab deps --install --machines-only
	@$(VENV)/xnai lab try

test: setup sandbox ## everything: lint, unit tests, machines end to end, one drill of each family
	@$(VENV)/xnai lab deps --install
	$(VENV)/python tests/run.py test

test-unit: setup ## the fast part, no machine
	$(VENV)/python tests/run.py unit

test-quick: setup sandbox ## lint, unit and audit tests, and one copy of a deployed machine
	@$(VENV)/xnai lab deps --install --machines-only
	$(VENV)/python tests/run.py quick

test-audit: setup sandbox ## each rule of `xnai audit` on its fixtures, and bad input
	$(VENV)/pytest tests/audit

sandbox: ## bubblewrap, in which `xnai audit` reads Makefiles (Debian's package; root or sudo)
	@command -v bwrap >/dev/null || { sudo=$$(command -v sudo || true); $$sudo apt-get update -q && $$sudo apt-get install -yq bubblewrap; }

test-services: setup ## hadolint on the Dockerfiles, and each service's own tests
	$(VENV)/pytest tests/images tests/services

test-lab: setup ## the lab part alone
	@$(VENV)/xnai lab deps --install
	$(VENV)/python tests/run.py lab

test-qemu: setup ## the memory step on Debian's own kernel in QEMU
	@$(VENV)/xnai lab deps --install --machines-only --backend tcg
	$(VENV)/pytest tests/qemu

test-vikunja: setup ## the real Vikunja, built from its source (needs git and Go), on a lab machine
	@command -v go >/dev/null || { echo "go is missing: Vikunja's own go.mod says which version"; exit 1; }
	@$(VENV)/xnai lab deps --install
	$(VENV)/pytest tests/vikunja

drill: setup ## the drills with their full counts; raw results in drill-results/
	$(VENV)/python tests/run.py drill --rounds 5 --reports drill-results

bench: setup ## side-by-side measurements; raw results in benchmarks/results/
	$(VENV)/python -m benchmarks
	$(VENV)/python tests/audit/bench.py

lint: setup ## ruff and mypy
	$(VENV)/ruff check .
	$(VENV)/mypy

lock: setup ## refresh uv.lock and the locked requirements of podman-compose and the services
	$(UV) lock --upgrade
	$(VENV)/python .ci/lock.py

settings: setup ## write group_data/all.py and docs/settings.md from the declarations in xnai/
	$(VENV)/python .ci/settings_pages.py

pin: setup ## write the registry's present digests of the images into group_data/all.py
	$(VENV)/python .ci/pin.py

clean: ## what was made here: .venv, .tools, caches (not the lab's cache)
	rm -rf .venv .venv-services .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis
