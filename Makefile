# Two commands do everything on a fresh machine: `make demo` and `make test`.
# PYTHON=/path/to/python3.11 chooses the interpreter; bpy 5.0.1 exists for Python 3.11 only.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint zip bench clean

demo: $(VENV)/.ready
	$(BIN)/talksplat demo --out demo

test: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -m "not slow and not gpu"

lint: $(VENV)/.ready
	$(BIN)/ruff check .

zip: $(VENV)/.ready
	$(BIN)/python -m talksplat.blender_addon.packing dist

bench: $(VENV)/.ready
	for name in raster replay storage training frame scrub audio; do $(BIN)/python -m benchmarks.$$name || exit 1; done

$(VENV)/.ready: pyproject.toml constraints.txt install_system_libraries.sh
	sh install_system_libraries.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[blender,test]"
	touch $@

clean:
	rm -rf $(VENV) demo dist build talksplat.egg-info
