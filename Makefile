# `make book` and `make test` do all their own set-up; the rest is in README.md.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: book test serve sync address clean

book: $(READY)
	@$(BIN)/jupyter-book build . --warningiserror --nitpick --keep-going --quiet || \
		{ rm -rf _build/.doctrees; echo "The book did not build; the lines above say where and what to do."; exit 1; }
	@echo "Open $(CURDIR)/_build/html/intro.html, or run 'make serve'."

test: $(READY)
	$(BIN)/python -m pytest tests chapters --nbval --nbval-current-env -n 2 --dist loadfile -q

serve: book
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

sync: $(READY)
	$(BIN)/python -m computetrades.book.notebooks

address: $(READY)
	@$(BIN)/python -m computetrades.book.address $(if $(filter undefined,$(origin URL)),,'$(URL)')

clean:
	rm -rf _build .pytest_cache .hypothesis

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Run 'make PYTHON=python3.11 book'."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@
