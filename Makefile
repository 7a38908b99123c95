# Two commands do everything on a fresh machine: `make demo` and `make test`.
# PYTHON=/path/to/python3.11 chooses the interpreter; bpy 5.0.1 exists for Python 3.11 only.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Further Blenders: bpy 5.2 and 5.3 need Python 3.13. Where that interpreter is not to be had, their tests are left out.
PYTHON313 ?= $(shell for p in python3.13 $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.13.*/bin/python3.13; do \
    $$p -c 'import sys; print(sys.executable)' 2>/dev/null && break; done)
VENV313 := .venv313
VENV45 := .venv-blender-4.5
VENV53 := .venv-blender-5.3
VENVDOCS := .venv-docs
# What depends on the version of Blender most; the whole of the add-on's tests runs on 5.0 and 5.2.
FURTHER := $(patsubst %,tests/blender_addon/test_%.py,add_head add_to_compositor background demo_scene keyframes keyframes_saved \
    native_splats register saving scene_camera self_contained strip strip_retimed viewport)

.PHONY: demo test test-blender-4.5 test-blender-5.2 test-blender-5.3 lint api docs troubleshooting fuzz zip bench gpu clean

demo: $(VENV)/.ready
	$(BIN)/talksplat demo --out demo

test: lint docs
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not gpu"
	@if [ -n "$(PYTHON313)" ]; then $(MAKE) $(addsuffix /.ready,$(VENV45) $(VENV313) $(VENV53)) && \
	    $(MAKE) -j 2 -O test-blender-4.5 test-blender-5.2 test-blender-5.3; \
	else $(MAKE) test-blender-4.5; echo "no Python 3.13 here: bpy 5.2 and 5.3 are not tested"; fi

test-blender-5.2: $(VENV)/.ready $(VENV313)/.ready
	TALKSPLAT_PYTHON=$(abspath $(BIN)/python) $(VENV313)/bin/python -m pytest -m "not slow and not gpu" \
	    tests/blender_addon tests/formats tests/jobs tests/top/test_wire.py

# Not the retimed strips: one mixdown of 4.5 in a few is another than all others of the same file.
test-blender-4.5: $(VENV)/.ready $(VENV45)/.ready
	TALKSPLAT_PYTHON=$(abspath $(BIN)/python) $(VENV45)/bin/python -m pytest -m "not slow and not gpu" \
	    $(filter-out %/test_strip_retimed.py,$(FURTHER))

test-blender-5.3: $(VENV)/.ready $(VENV53)/.ready
	TALKSPLAT_PYTHON=$(abspath $(BIN)/python) $(VENV53)/bin/python -m pytest -m "not slow and not gpu" $(FURTHER)

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --warnings
	$(BIN)/vulture --min-confidence 80 blender_addon core samples benchmarks

# The table of the public API in ARCHITECTURE.md, written from the docstrings.
api: $(VENV)/.ready
	$(BIN)/python tests/architecture/api_table.py

# The site, in build/docs. Every warning is an error, and --quiet would hide them all: a link or heading that is not there.
docs: $(VENVDOCS)/.ready
	NO_MKDOCS_2_WARNING=1 $(VENVDOCS)/bin/mkdocs build

# docs/troubleshooting.md, from the sentences in the source.
troubleshooting: $(VENV)/.ready
	$(BIN)/python docs_build/troubleshooting.py

# Mutated files at every reader, TALKSPLAT_FUZZ of them (10,000) each; a few minutes a reader.
fuzz: $(VENV)/.ready
	$(BIN)/python tests/fuzz/fuzz.py all --keep fuzz-faults

zip: $(VENV)/.ready docs
	$(BIN)/python -m talksplat.blender_addon.packing dist

bench: $(VENV)/.ready
	for name in raster replay rig storage training waiting frame size held scrub audio listening; do $(BIN)/python -m benchmarks.$$name || exit 1; done

# Needs a CUDA machine; OUT=folder for the results, PYTHON=the one that has torch. See docs/gpu.md.
gpu:
	$(PYTHON) -m benchmarks.gpu --out $(or $(OUT),gpu-results) $(if $(WHEELS),--wheels $(WHEELS))

$(VENV)/.ready: pyproject.toml constraints.txt install_system_libraries.sh
	sh install_system_libraries.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[blender,lint,metrics,test,train,usd]"
	@if git rev-parse --git-dir >/dev/null 2>&1; then $(BIN)/pre-commit install >/dev/null; fi
	touch $@

$(VENV313)/.ready: MAKING = $(PYTHON313) bpy==5.2.3
$(VENV53)/.ready: MAKING = $(PYTHON313) bpy==5.3.0
$(VENV45)/.ready: MAKING = $(PYTHON) bpy==4.5.15
$(VENV313)/.ready $(VENV53)/.ready $(VENV45)/.ready: pyproject.toml
	$(firstword $(MAKING)) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check $(lastword $(MAKING)) \
	    pytest pytest-timeout hypothesis setuptools
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENVDOCS)/.ready: constraints-docs.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-docs.txt mkdocs-material
	touch $@

clean:
	rm -rf $(VENV) $(VENVDOCS) $(VENV313) $(VENV45) $(VENV53) demo dist build fuzz-faults talksplat.egg-info
