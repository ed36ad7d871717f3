# `make book` and `make test` do all their own set-up; the rest is in README.md.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
UNCHANGED := $(BIN)/python lib/computetrades/site/unchanged.py
TELL := $(PYTHON) lib/computetrades/site/progress.py
# axe-core and the Nu Html Checker, for the tests of the pages; where there is no npm those tests say so and are skipped.
CHECKERS := $(if $(shell command -v npm 2>/dev/null),node_modules/.ready)

.PHONY: book test weekly serve sync address clean

book: $(READY)
	@$(UNCHANGED) || { echo "Executing the chapters whose code, data or library has changed."; \
		$(BIN)/jupyter-book build . --warningiserror --nitpick --keep-going --quiet && $(UNCHANGED) --built; } || \
		{ rm -rf _build/.doctrees; echo "The book did not build; the lines above say where and what to do."; exit 1; }
	@echo "Open $(CURDIR)/_build/html/intro.html, or run 'make serve'."

# In a folder of its own, since pytest clears away those of other runs, also of one that still goes on.
test: $(READY) $(CHECKERS)
	@$(BIN)/ruff check --quiet lib tests benchmarks
	@folder=$$(mktemp -d) && PYTEST_DEBUG_TEMPROOT=$$folder $(BIN)/python -m pytest tests chapters --nbval --nbval-current-env \
		-n 2 --dist loadfile --no-loadscope-reorder -q; status=$$?; rm -rf "$$folder"; exit $$status

# Every chapter alone in clean environments; then all tests as if on other machines, one after the other; an hour or two.
weekly: $(READY) $(CHECKERS)
	COMPUTETRADES_WEEKLY=1 $(BIN)/python -m pytest tests/test_colab.py -n 2 -q
	$(BIN)/python benchmarks/machines.py suite

serve: book
	$(BIN)/python -m computetrades.site.serve

sync: $(READY)
	$(BIN)/python -m computetrades.site.notebooks $(CHAPTER)

address: $(READY)
	@$(BIN)/python -m computetrades.site.repository $(if $(filter undefined,$(origin URL)),,'$(URL)')

clean:
	rm -rf _build .pytest_cache .hypothesis

node_modules/.ready: package-lock.json
	@$(TELL) "Installing the checkers of pages" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Run 'make PYTHON=python3.11 book'."; exit 1; }
	@$(TELL) "Making an environment in .venv" $(PYTHON) -m venv .venv
	@$(TELL) "Installing what requirements.txt pins, about a gigabyte" \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(TELL) "Installing the book's own library" \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@
