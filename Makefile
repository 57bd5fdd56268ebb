# A thin front to meson. `make help` lists what there is.
BUILD ?= build
PYTHON = /usr/bin/python3

.PHONY: help build compile run test fuzz mutants bench format install clean

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make build     the program, at build/greyline
build:
	@tools/install-packages build
	@$(MAKE) --no-print-directory compile

compile:
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) >/dev/null
	@ninja -C $(BUILD) --quiet
	@ln -sf src/app/greyline $(BUILD)/greyline

## make run       (root) a server and a client in two network namespaces, shown and checked
run:
	@tools/install-packages run
	@$(MAKE) --no-print-directory compile
	@$(PYTHON) tools/demo.py $(BUILD)/greyline

## make test      (root) every suite; the last line counts passed, failed and skipped
test:
	@tools/install-packages test
	@$(MAKE) --no-print-directory compile
	@$(PYTHON) test/run.py

## make fuzz      every fuzz entry for FUZZ_SECONDS (600) each, with ASan and UBSan
fuzz:
	@tools/install-packages test
	@$(PYTHON) test/fuzz/campaign.py $(or $(FUZZ_SECONDS),600)

## make mutants   breaks one rule at a time; every break must be caught
mutants:
	@tools/install-packages test
	@$(PYTHON) test/mutants/run.py

## make bench     (root) every row of the marks table, printed and written to bench/RESULTS.md
bench:
	@tools/install-packages bench
	@test ! -f $(BUILD)/build.ninja || meson setup --reconfigure $(BUILD) >/dev/null
	@$(MAKE) --no-print-directory compile
	@$(PYTHON) test/bench/run.py $(BENCH)

## make format    clang-format over our C
format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

## make install   program and manual pages (DESTDIR is honoured)
install: build
	@meson install -C $(BUILD) $(if $(DESTDIR),--destdir $(DESTDIR))

clean:
	rm -rf build build-*
