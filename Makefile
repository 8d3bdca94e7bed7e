# The CLIP Book. `make book` to read it, `make test` to prove it, `make help` for the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Two processes run at once in the tests; threads that wait for one another make a busy machine crawl.
export OMP_NUM_THREADS ?= 1
# Each of dozens of processes would compile the package and the tests anew.
unexport PYTHONDONTWRITEBYTECODE

# The first of these that really runs and is new enough (a version manager leaves dead shims behind).
# Another one: make setup PYTHON=/path/to/python3.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PORT ?= 8000
BUILT := _build/html
SETUP := .venv/.stamp
VENDOR := _build/vendor/.stamp
LIGHTHOUSE := _build/audit/.stamp
PIP_AUDIT := _build/advisories/.stamp
MUTMUT := _build/mutants/.stamp
SCRIPTS := _build/lint/.stamp
# Several times as fast as pip, but it doesn't read pip's settings: where these name another index, pip does it.
UV := python -m uv pip install --quiet --compile-bytecode --python .venv/bin/python
NEEDS_NPM := command -v npm >/dev/null || { echo "npm is missing: apt-get install npm, or https://nodejs.org"; exit 1; }

# What somebody types after a target reaches a tool as it is, and is never read by make or the shell.
quoted = '$(subst ','\'',$(1))'
typed = $(if $(value $(1)),$(call quoted,$(value $(1))))
each = $(foreach word,$(value $(1)),$(call quoted,$(word)))
chapters = $(or $(call each,CHAPTER),$(error name a chapter: make $@ CHAPTER=pairs/contrastive-loss, or CHAPTER=all))

.NOTPARALLEL:
.PHONY: help setup book site pdf release serve audit chapter notebooks lint test test-fast coverage bench colab colab-pins colab-branch assignment slides mutants fuzz newest advisories repository clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' Makefile | while IFS='|' read -r t d; do printf '  make %-12s %s\n' "$$t" "$$d"; done

setup: $(SETUP) ## make .venv with everything in requirements.txt and the package
$(SETUP): requirements.txt tools/clip/requirements.txt pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer with venv is missing: apt-get install python3 python3-venv, or https://www.python.org/downloads"; exit 1; }
	@echo "Setting up .venv with what requirements.txt lists; the first time takes a few minutes."
	[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	python -m pip install --quiet --disable-pip-version-check $$(grep -E '^(torch|uv)==' requirements.txt)
	$(UV) -r requirements.txt || python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	python -m pip install --quiet --disable-pip-version-check --no-deps -r tools/clip/requirements.txt
	python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENDOR): $(wildcard tools/vendor/*)
	@$(NEEDS_NPM)
	@rm -rf $(@D) && mkdir -p $(@D)/site/vendor/katex
	cp tools/vendor/{package.json,package-lock.json,.npmrc,purge.mjs,typeset.mjs} $(@D)
	npm --prefix $(@D) ci --silent --ignore-scripts --no-audit --no-fund
	@cd $(@D)/node_modules/katex && cp -r LICENSE dist/katex.min.css dist/fonts ../../site/vendor/katex
	@touch $@

site: $(SETUP) $(VENDOR) ## execute what changed and build the site into _build/html; a warning fails
	jupyter-book build book --toc "$(CURDIR)/_toc.yml" --path-output . -n -W --keep-going

book: site serve ## build the site and serve it on localhost
serve: $(SETUP)
	@python -m bookkit.serve $(BUILT) $(call typed,PORT)

pdf: site ## print the whole book into _build/clip-book.pdf; the next `make site` offers it
	python -m bookkit.pdf $(BUILT) _build/clip-book.pdf

release: $(SETUP) ## make what a tag releases, in _build/release: make release TAG=v0.1.0
	python -m bookkit.release --check _build/release $(or $(call typed,TAG),'')
	$(MAKE) pdf
	$(MAKE) site
	python -m bookkit.release _build/release $(or $(call typed,TAG),'')

$(LIGHTHOUSE): tools/audit/package-lock.json
	rm -rf $(@D) && mkdir -p $(@D) && cp tools/audit/{package.json,package-lock.json,.npmrc} $(@D)
	npm --prefix $(@D) ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

audit: site $(LIGHTHOUSE) ## measure every page by Lighthouse CI, into _build/audit.md; PAGES="index pairs/training"
	python -m bookkit.audit $(BUILT) _build/audit/node_modules/.bin/lhci _build/audit.md $(call each,PAGES)

chapter: $(SETUP) ## begin a chapter: make chapter NAME=further/example TITLE="An example"
	@python -m bookkit.new_chapter $(or $(call typed,NAME),'') $(or $(call typed,TITLE),'')

notebooks: $(SETUP) ## make every .ipynb from the .py beside it
	python -m bookkit.notebooks

$(SCRIPTS): tools/lint/package-lock.json
	@$(NEEDS_NPM)
	rm -rf $(@D) && mkdir -p $(@D) && cp tools/lint/{package.json,package-lock.json,.npmrc} $(@D)
	npm --prefix $(@D) ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

lint: $(SETUP) $(SCRIPTS)
	ruff format --check .
	ruff check .
	mypy
	_build/lint/node_modules/.bin/tsc --project tools/lint
	_build/lint/node_modules/.bin/biome lint --config-path=tools/lint/biome-rules.json --error-on-warnings src book tools tests

test-fast: lint $(VENDOR) ## format, lint and the quick unit tests
	pytest -n 2 -q -m "not slow and not browser and not site and not alone"

test: $(SETUP) $(VENDOR) ## everything: format, lint, unit tests, notebooks, strict site, browser; AGAIN=1 also what passed
	python -m bookkit.prove $(if $(value AGAIN),--again)

coverage: $(SETUP) ## say which lines of the package its quick tests never reach
	pytest -n 2 -q --cov -m "not slow and not browser and not site and not alone" $$(python -c "from bookkit.prove import PACKAGE; print(*PACKAGE)")

bench: $(SETUP) $(VENDOR) ## time rendering and training, against transformers' CLIPModel, a GPU, the losses, and the loaders
	python -m bookkit.bench
	python -m bookkit.loss_bench
	python -m bookkit.loader_bench

assignment: $(SETUP) ## make a folder to teach from: make assignment CHAPTER=pairs/contrastive-loss COURSE=course
	python -m bookkit.course.assignment $(chapters) --to $(or $(call typed,COURSE),course)

slides: $(SETUP) $(VENDOR) ## make slides of a chapter: make slides CHAPTER=pairs/contrastive-loss
	python -m bookkit.course.slides $(chapters) --to _build/slides

colab: $(SETUP) ## run every chapter as Colab does, with its, the lowest and the newest versions
	python -m bookkit.colab.contract $(if $(value CHAPTER),--chapters $(call each,CHAPTER)) $(if $(value VERSIONS),--environments $(call each,VERSIONS))

colab-pins: $(SETUP) ## compare src/bookkit/colab/image.toml with the list that Colab publishes
	python -m bookkit.colab.image $(call typed,LIST)

colab-branch: $(SETUP) ## make what the branch `colab` holds in _build/colab; PUSH=origin pushes it
	python -m bookkit.colab.publish _build/colab $(if $(value PUSH),--push $(call typed,PUSH))

$(MUTMUT): tools/mutants/requirements.txt
	rm -rf $(@D) && mkdir -p $(@D)
	python -m pip install --quiet --disable-pip-version-check --no-deps --target $(@D)/lib -r $<
	@touch $@

mutants: $(SETUP) $(MUTMUT) ## change the package in small ways; does a test fail each time? PARTS="text pairs"
	PYTHONPATH="$(CURDIR)/_build/mutants/lib" python -m bookkit.mutants $(call each,PARTS)

fuzz: $(SETUP) ## give 2,000 odd inputs of each kind to whatever reads files, tables and texts
	pytest -n 2 --hypothesis-profile=fuzz tests/fuzz

newest: $(SETUP) ## replace the pins in .venv by the newest versions; `rm -r .venv` undoes it
	python -m bookkit.newest | python -m pip install --quiet --disable-pip-version-check \
	  --upgrade --upgrade-strategy eager -r /dev/stdin

$(PIP_AUDIT): tools/advisories/requirements.txt
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer with venv is missing: apt-get install python3 python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Every file is asked about before it fails.
advisories: $(PIP_AUDIT) ## ask PyPI and npm for known weaknesses of what is pinned or locked here
	@failed=0; \
	for pins in requirements.txt tools/*/requirements.txt; do echo "$$pins"; \
	  $(<D)/bin/pip-audit --strict --no-deps --disable-pip --requirement "$$pins" || failed=1; done; \
	for lock in tools/*/package-lock.json; do echo "$$lock"; \
	  npm --prefix "$${lock%/*}" audit --package-lock-only || failed=1; done; \
	exit $$failed

repository: $(SETUP) ## set the repository's address everywhere: make repository URL=https://github.com/you/clipbook
	python -m bookkit.address $(call typed,URL)

clean: ## remove what was built (not .venv)
	rm -rf _build dist
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
