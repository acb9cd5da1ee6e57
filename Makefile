# One Makefile, no recursion.  `make help` lists what it does.
# Variants live beside each other: make SAN=address,undefined check, make SAN=thread check, make CC=clang.

PREFIX  ?= /usr/local
PYTHON  := /usr/bin/python3
VERSION := 0.1.0

# as many compilers at once as there are cores, unless make was told otherwise
JOBS     = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
CC      ?= cc
comma   := ,
VARIANT := $(if $(filter clang%,$(notdir $(CC))),-clang)$(if $(SAN),-$(subst $(comma),-,$(subst undefined,ub,$(SAN))))
BUILD   := build$(if $(VARIANT),/v$(VARIANT))
PKGS    := libmicrohttpd gnutls libsystemd libcurl jansson libmosquitto libconfig sqlite3 libpcre2-8 libcrypto libssl zlib libxxhash
# what the build needs (the container image too: docker/Dockerfile), and what the suite needs beside it
DEBS_BUILD := build-essential pkg-config libmicrohttpd-dev libgnutls28-dev libsystemd-dev libcurl4-openssl-dev libjansson-dev \
           libmosquitto-dev libconfig-dev libsqlite3-dev libjq-dev libonig-dev libpcre2-dev libssl-dev zlib1g-dev libxxhash-dev \
           libsimdjson-dev uthash-dev libprotobuf-c-dev protobuf-c-compiler
DEBS    := $(DEBS_BUILD) libcmocka-dev mosquitto mosquitto-clients sqlite3 curl openssl python3 python3-pytest \
           python3-paho-mqtt python3-cryptography
DEBS_DEV := clang libclang-rt-14-dev llvm clang-format universal-ctags prometheus-alertmanager strace valgrind

CPPFLAGS += -Iinclude -Isrc -Itests -D_GNU_SOURCE -DTOCSIN_VERSION='"$(VERSION)"'
# gcc sees null format strings in the checks that a sanitizer adds, so that one warning is left to the plain build
OPT      ?= $(if $(SAN),-O1,-O2)
CFLAGS   ?= -g
CFLAGS   += $(OPT) -std=c11 -fPIC -fvisibility=hidden -fno-omit-frame-pointer -fstack-protector-strong -pthread \
            -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Werror
ifndef SAN
CPPFLAGS += -D_FORTIFY_SOURCE=2
else
CFLAGS   += -fsanitize=$(SAN) -fno-sanitize-recover=undefined $(if $(findstring clang,$(CC)),,-Wno-format-truncation)
LDFLAGS  += -fsanitize=$(SAN)
endif
LDFLAGS  += -pthread -Wl,-z,relro,-z,now
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS     := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -ljq -lonig -lm -ldl

# JSON the fast way, in C++ (src/plugin/json_fast.h); FAST_JSON= builds without it
CXX      := $(if $(filter clang%,$(notdir $(CC))),$(patsubst clang%,clang++%,$(CC)),g++)
CXXFLAGS  = $(filter-out -std=% -Wstrict-prototypes -Wmissing-prototypes,$(CFLAGS)) -std=c++17 -fno-exceptions -fno-rtti
FAST_JSON ?= $(shell pkg-config --exists simdjson && command -v $(CXX))
ifneq ($(FAST_JSON),)
CPPFLAGS += -DHAVE_SIMDJSON
LIBS     += $(shell pkg-config --libs simdjson) -lstdc++
endif

CORE     := $(shell find src/core -name '*.c' | sort)
SRC      := $(filter-out src/main.c,$(shell find src -name '*.c' | sort))
SRC_CXX  := $(if $(FAST_JSON),$(shell find src -name '*.cc'))
VENDORS  := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard integrations/*/*.c)))))
PLUGINS  := $(VENDORS:%=$(BUILD)/plugins/%.so)
# an integration without code: integrations/<vendor>/mapping.jq  ->  plugins/<vendor>.jq
MAPPINGS := $(patsubst integrations/%/mapping.jq,$(BUILD)/plugins/%.jq,$(wildcard integrations/*/mapping.jq))
UNIT     := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
LIBT     := $(wildcard tests/lib/*.c)
SIM      := $(wildcard tests/sim/*.c)
obj       = $(patsubst %.cc,$(BUILD)/%.o,$(patsubst %.c,$(BUILD)/%.o,$(1)))

Q = $(if $(V),,@)                        # make V=1 shows the commands
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))

REPLAY   := $(patsubst tests/fuzz/corpus/%,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/corpus/*))
FUZZERS  := $(if $(findstring fuzzer,$(SAN)),$(patsubst %,$(BUILD)/tests/fuzz/%,$(shell sh tests/fuzz/targets.sh)))

.PHONY: all help senders deps deps-build deps-dev run test check lint bench sim torture fuzz install clean unit
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

all: $(BUILD)/tocsin $(PLUGINS) $(MAPPINGS)

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make run       install what is missing, build, and see the main job at work on this machine
run: deps
	@$(MAKE) --no-print-directory $(JOBS) all
	@BUILD=$(BUILD) sh tests/demo/run.sh

## make test      install what is missing, build, and run the whole suite
test: deps
	@$(MAKE) --no-print-directory senders
	@$(MAKE) --no-print-directory $(JOBS) check

## make check     the suite, without installing anything
check: all $(UNIT) $(REPLAY) $(if $(SIM),$(BUILD)/tests/sim/sim)
	@BUILD=$(BUILD) $(PYTHON) tests/run.py

unit: all $(UNIT) $(REPLAY)
	@BUILD=$(BUILD) $(PYTHON) tests/run.py unit corpus

deps-build:
	@sh tests/lib/install.sh $(DEBS_BUILD)

deps:
	@sh tests/lib/install.sh $(DEBS)
	@command -v npm >/dev/null || sh tests/lib/install.sh nodejs npm

# programs that send to tocsin in the end-to-end tests, as their users run them: from npm, and from packages of
# Debian that are unpacked only, because their installation would start a service
SENDERS  := $(BUILD)/senders/.installed
DEBS_UNPACKED := nagios4-core prometheus-alertmanager
senders: $(SENDERS)
	@sh tests/lib/unpack.sh $(BUILD)/senders/debian $(DEBS_UNPACKED)
$(SENDERS): tests/e2e/senders/package-lock.json
	@mkdir -p $(@D) && cp tests/e2e/senders/package.json tests/e2e/senders/package-lock.json $(@D)/
	$(call say,NPM,tests/e2e/senders)
	$(Q)cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --silent && touch .installed
deps-dev: deps
	@sh tests/lib/install.sh $(DEBS_DEV)

## make lint      format, purity, exports, include direction, banned functions, sizes
lint: all
	@BUILD=$(BUILD) sh tests/lint/lint.sh

## make bench     figures beside a peer in the same run (tests/bench/README.md)
bench: deps-dev all
	@BUILD=$(BUILD) $(PYTHON) tests/bench/bench.py

## make sim       simulated lives of the core: make sim N=100000 SEED=1
sim: $(BUILD)/tests/sim/sim
	$(BUILD)/tests/sim/sim --seeds $(or $(N),100000) --first $(or $(SEED),1)

## make torture   long runs: kill -9, power cuts, failing system calls
torture: deps-dev all $(UNIT)
	@BUILD=$(BUILD) $(PYTHON) tests/run.py torture

## make fuzz      libFuzzer, 30 s a target under ASan and UBSan, as many at once as there are cores: make fuzz T=300
fuzz: deps-dev
	@sh tests/fuzz/run.sh $(or $(T),30)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/%.o: %.cc
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)$(CXX) $(CPPFLAGS) $(PKG_CFLAGS) $(CXXFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/src/store/sqlite_schema.o: $(wildcard src/store/schema/*.sql)

$(BUILD)/libtocsin.a: $(call obj,$(SRC) $(SRC_CXX))
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcs $@ $^

$(BUILD)/tocsin: $(BUILD)/src/main.o $(BUILD)/libtocsin.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -pie $< $(BUILD)/libtocsin.a $(LIBS) -o $@

# integrations/<vendor>/*.proto  ->  gen/<vendor>/*.pb-c.c and .h; not our style, so without our warnings
gen = $(patsubst integrations/%.proto,$(BUILD)/gen/%.pb-c.o,$(wildcard integrations/$(1)/*.proto))
$(BUILD)/gen/%.pb-c.c: integrations/%.proto
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)protoc-c --c_out=$(@D) --proto_path=$(<D) $<
$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -w -c $< -o $@
$(BUILD)/integrations/otlp/proto.o: CPPFLAGS += -I$(BUILD)/gen/otlp
$(BUILD)/integrations/otlp/proto.o: $(BUILD)/gen/otlp/otlp.pb-c.c
# libraries that an integration needs beside jansson: pure ones only
LIBS_otlp := -lprotobuf-c

# integrations/<vendor>/*.c  ->  plugins/<vendor>.so
.SECONDEXPANSION:
$(BUILD)/plugins/%.so: $$(call obj,$$(sort $$(wildcard integrations/$$*/*.c))) $$(call gen,$$*)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(LDFLAGS) $^ $(shell pkg-config --libs jansson) $(LIBS_$*) -o $@

$(BUILD)/plugins/%.jq: integrations/%/mapping.jq
	@mkdir -p $(@D)
	$(Q)cp $< $@

# muldefs: a test may put a double in the place of a function; the test's own comes first and so wins
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(call obj,$(LIBT)) $(BUILD)/libtocsin.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -Wl,-z,muldefs $< $(call obj,$(LIBT)) $(BUILD)/libtocsin.a $(LIBS) -lcmocka -o $@

$(BUILD)/tests/sim/sim: $(call obj,$(SIM)) $(BUILD)/libtocsin.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

# A fuzz target that replays its corpus; or, with SAN=fuzzer-no-link,... as run.sh wants it, one of libFuzzer.
# tests/fuzz/targets.sh says what a name stands for.
fuzz_main   = $(if $(findstring fuzzer,$(SAN)),,tests/fuzz/replay.c)
fuzz_role   = $(firstword $(subst _, ,$(1)))
fuzz_source = $(or $(wildcard tests/fuzz/fuzz_$(1).c),tests/fuzz/any_$(fuzz_role).c)
fuzz_name   = $(patsubst decode_%,%,$(patsubst classify_%,%,$(patsubst intake_%,%,$(filter decode_% classify_% intake_%,$(1)))))
fuzz_vendor = $(if $(call fuzz_name,$(1)),$(wildcard integrations/$(call fuzz_name,$(1))/*.c))
$(sort $(REPLAY) $(FUZZERS)): $(BUILD)/tests/fuzz/%: $$(call obj,$$(call fuzz_source,$$*) $$(fuzz_main) \
           $$(call fuzz_vendor,$$*)) $$(call gen,$$(call fuzz_name,$$*)) $(BUILD)/libtocsin.a
	$(call say,LD,$@)
	$(Q)$(CC) $(if $(fuzz_main),,-fsanitize=fuzzer) $(LDFLAGS) -Wl,-z,muldefs $^ $(LIBS) $(LIBS_$(call fuzz_name,$*)) -o $@
-include $(patsubst %.o,%.d,$(call obj,$(wildcard tests/fuzz/*.c)))

# A program of its own: build/tests/bench/load from tests/bench/load.c
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/libtocsin.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) $(LIBS) -o $@
$(BUILD)/tests/bench/decode: $(call obj,$(filter tests/lib/cases%,$(LIBT)))

## make install   PREFIX=/usr/local, DESTDIR=
install: all
	install -D -m 755 $(BUILD)/tocsin $(DESTDIR)$(PREFIX)/bin/tocsin
	install -d $(DESTDIR)$(PREFIX)/lib/tocsin/plugins $(DESTDIR)$(PREFIX)/share/tocsin/rules
	install -m 644 $(PLUGINS) $(MAPPINGS) $(DESTDIR)$(PREFIX)/lib/tocsin/plugins/
	find rules -maxdepth 1 -name '*.cfg' -exec install -m 644 {} $(DESTDIR)$(PREFIX)/share/tocsin/rules/ \;

## make clean     remove build/
clean:
	rm -rf build

-include $(patsubst %.o,%.d,$(call obj,$(SRC) $(SRC_CXX) src/main.c $(LIBT) $(SIM) $(wildcard tests/unit/*.c tests/bench/*.c integrations/*/*.c)))
