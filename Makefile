# The two commands of the README, over the CMake presets.
#
#   make demo    install what is missing, build, generate text with the bundled model
#   make test    install what is missing, build, run all tests

PACKAGES := $(shell cat packages.txt)
PRESET ?= release

.PHONY: demo test build program packages

demo: program
	build/$(PRESET)/linnet generate < /dev/null

test: build
	ctest --preset $(PRESET) --parallel 2

# Everything, tests and benchmarks too; `program` is what a user needs.
build: packages
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET)

program: packages
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET) --target linnet

# Asks for root only where a package is missing.
packages:
	@missing=$$(for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -q && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; \
	fi
