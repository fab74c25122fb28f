# The whole build.  `make help` lists what it can do; config.mk may override
# any variable here.  Nothing is asked of the machine while this file is read,
# so that a machine without a compiler can still run `make deps`.
CC     = cc
CUDA   = auto
PREFIX = /usr/local
SAN    =
-include config.mk

VERSION  := 0.1.0
RELEASED := 2026-11-26
PACKAGES := yaml-0.1 jansson libpcre2-8 libcrypto ncursesw libmicrohttpd
SHELL    := /bin/sh
clang    := $(findstring clang,$(CC))

# What computes: cpu, cuda (with the toolkit), cudasim (the same sources against
# tests/cudasim/).  auto: cuda where the toolkit is; a kind that was asked for
# by name is built in a folder of its own.
NVCC  ?= $(firstword $(wildcard /usr/local/cuda/bin/nvcc \
	$(addsuffix /nvcc,$(subst :, ,$(PATH)))))
KIT   := $(patsubst %/bin/nvcc,%,$(realpath $(NVCC)))
# Only a whole toolkit, with cuBLAS, is taken unasked.
WHOLE := $(wildcard $(KIT)/include/cublasLt.h)
KIND  := $(or $(patsubst 0,cpu,$(filter 0,$(CUDA))),$(patsubst \
	1,cuda,$(filter 1,$(CUDA))),$(patsubst sim,cudasim,$(filter \
	sim,$(CUDA))),$(if $(or $(SAN),$(clang)),cpu,$(if $(and $(NVCC),$(WHOLE)),cuda,cpu)))
B     := build$(if $(filter auto,$(CUDA)),,-$(KIND))$(if \
	$(SAN),-$(SAN))$(if $(clang),-clang)

WARN := -Werror -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wpointer-arith -Wwrite-strings
# What a sanitizer inserts misleads gcc's flow analysis; the plain build has it.
SAN_FLAGS = -fsanitize=$(SAN) -fno-omit-frame-pointer $(if $(clang),,\
	-Wno-tsan -Wno-maybe-uninitialized -Wno-alloc-size-larger-than \
	-Wno-stringop-overflow -fno-var-tracking-assignments)
override CFLAGS += -std=c11 -O2 -g -D_GNU_SOURCE -I. -I$(B) -MMD -MP $(WARN) \
	-fno-math-errno -ffp-contract=off -DCHAMELEON_VERSION='"$(VERSION)"' \
	-DCHAMELEON_RELEASED='"$(RELEASED)"' \
	$(if $(SAN),$(SAN_FLAGS)) \
	$(if $(filter undefined,$(SAN)),-fno-sanitize-recover=all)
LDLIBS = -Wl,--as-needed $$(pkg-config --libs $(PACKAGES)) -lunistring \
	-lm -pthread
# The toolkit's C headers are C11 but for a pedantic word or two.
CUDA_cuda    = -isystem $(KIT)/include
CUDA_cudasim = -Itests/cudasim/include
override CFLAGS += $(CUDA_$(KIND))
LDCUDA_cuda    = -L$(KIT)/lib64 -Wl,-rpath,$(KIT)/lib64 -lcublasLt \
	-lcudart_static -ldl -lrt -lstdc++
LDCUDA_cudasim = -lrt -lstdc++
LDLIBS += $(LDCUDA_$(KIND))
# sm_80 and sm_90 as they are, PTX for what comes later.
GENCODE = -gencode=arch=compute_80,code=sm_80 \
	-gencode=arch=compute_90,code=[sm_90,compute_90]
CUFLAGS_cuda = -std=c++17 -O3 -I. -lineinfo -MMD -MP $(GENCODE) \
	-Xcompiler=-Wall,-Wextra -diag-suppress=177 --threads 2
CUFLAGS_cudasim = -std=c++17 -O2 -g -x c++ -I. $(CUDA_cudasim) -MMD -MP -Wall \
	-Wextra -Wno-unknown-pragmas -fno-strict-aliasing $(if $(SAN),$(SAN_FLAGS))
CUCC_cuda = $(NVCC)
CUCC_cudasim = $(CXX)
LINK   = @mkdir -p $(@D); echo "  link    $@"; $(CC) $(CFLAGS) -o $@ \
	-Wl,--start-group $(filter %.o %.a,$^) -Wl,--end-group

ifeq ($(filter auto 0 1 sim,$(CUDA)),)
$(error CUDA=$(CUDA): want auto, 0, 1 or sim)
endif
ifeq ($(CUDA)$(NVCC),1)
$(error CUDA=1: no nvcc in PATH or /usr/local/cuda; install NVIDIA's CUDA toolkit, 12.4 or later, or build with CUDA=0)
endif
ifneq ($(filter-out address undefined thread,$(SAN)),)
$(error SAN=$(SAN): want address, undefined or thread)
endif

# A role is a folder whose main.c is a program of its own; every folder is a
# library.
ROLES    := monitor frontend scheduler loader gpuexec \
	$(if $(filter cpu,$(KIND)),,holder)
LIBS     := base conf model policy shm device proc snap admin supervisor tui sim
PROGRAMS := $(B)/bin/chameleon $(ROLES:%=$(B)/bin/chameleon-%)
ROLE_A   := $(patsubst %,$(B)/%.a,$(ROLES))
# X_nocuda.c stands in for X_cuda.c and the folders cuda/ where there is none.
not_cpu := %_cuda.c gpuexec/cuda/%
not_cuda := %_nocuda.c
not_cudasim := %_nocuda.c
src = $(filter-out %/main.c $(not_$(KIND)),$(foreach d,$1 $1/* $1/*/*,\
	$(wildcard $d/*.c) $(wildcard $d/*.cu)))
obj = $(patsubst %,$(B)/%.o,$(basename $(call src,$1)))
SIM_A := $(if $(filter cudasim,$(KIND)),$(B)/tests/cudasim.a)
OUR_A    := $(patsubst %,$(B)/%.a,$(LIBS))
LIB_A    := $(OUR_A) $(SIM_A)
extra = $(patsubst tests/%.c,$(B)/%,$(wildcard tests/$1/*.c))
SWARM_O  := $(patsubst %.c,$(B)/%.o,$(wildcard tests/swarm/*.c))
UNIT_O   := $(patsubst %.c,$(B)/%.o,$(wildcard tests/*.c tests/unit/*.c)) \
	$(filter-out %/main.o,$(SWARM_O))
DEPS     := build/deps.stamp
DEPS_TESTS := build/deps-tests.stamp

.PHONY: all demo check check-gpu bench-gpu sanitize-gpu kernels bench bench-elastic paper paper-live stress swarm man install clean help \
	deps metrics-doc FORCE \
	floors sizes purity readmes words format
all: $(PROGRAMS) ## build every program (the default)

demo: all $(B)/tools/quiz ## serve models/demo, ask every adapter, print the answers
	@tools/demo.sh $(B)

check: $(DEPS_TESTS) all $(B)/check $(call extra,tools) $(if $(filter cpu,$(KIND)),,kernels) floors sizes purity readmes words format ## every rule and every test; SAN=address|undefined|thread for a build that watches itself
	@$(if $(filter thread,$(SAN)),setarch -R )$(B)/check

kernels: $(B)/bin/chameleon-holder $(B)/kernels ## every kernel against its definition, on the GPU or (CUDA=sim) on the stand-in
	@tests/gpu/kernels.sh $(B)

bench-gpu: $(B)/bench-gpu ## kernels and steps on the GPU against their floors (ten seconds on an H200, and what peft takes); ROWS='single prefill' for some
	@mkdir -p $(B)/bench; $< $(B)/bench/gpu.json $(ROWS)

sanitize-gpu: all $(B)/kernels ## compute-sanitizer over the tests of kernels: memory, then races
	@tests/gpu/sanitize.sh $(B)

check-gpu: all $(B)/kernels $(B)/gpu-facts $(call extra,tools) ## what needs a GPU, or CUDA=sim: kernels, and the engine end to end
	@tests/gpu/check.sh $(B)

bench: all $(call extra,bench) ## measure speed and memory against the bars (about ten minutes); ROWS='single prefill' for some
	@tests/bench/run $(B) $(ROWS)

bench-elastic: all $(call extra,bench) ## elastic memory: experiments against their bars (twelve minutes); ROWS='cliff swing' for some
	@PYTHONDONTWRITEBYTECODE=1 tests/bench/elastic/run $(B) $(ROWS)

paper: all ## the paper's experiments in the simulator, into docs/PAPER.md; PAPER='--quick' and more options
	@command -v python3 >/dev/null || { echo "paper: python3 is missing:" \
	    "apt-get install python3" >&2; exit 1; }
	@python3 tools/paper/run.py --binary $(B)/bin/chameleon $(PAPER)

paper-live: all ## the paper's systems on the engine, and the simulator's forecast (ten minutes); LIVE="--under 'chrt -r 1'" keeps others away
	@command -v python3 >/dev/null || { echo "paper-live: python3 is missing:" \
	    "apt-get install python3" >&2; exit 1; }
	@python3 tools/paper/live.py --build $(B) $(LIVE)

stress: $(call extra,stress) ## races; with SAN=thread
	@set -e; for t in $^; do echo "  stress  $$t"; setarch -R $$t; done

swarm: $(B)/swarm/swarm ## thousands of random worlds under every law; SEEDS=2000 FROM=1, ALL=1 to go on after a breach
	@$< $(or $(SEEDS),2000) $(or $(FROM),1) $(if $(ALL),all)

deps: ## install the Debian packages that are missing
	@tools/deps.sh tests

metrics-doc: $(B)/tools/metrics_doc ## make docs/METRICS.md from monitor/metrics.tbl
	@$< >docs/METRICS.md

floors sizes readmes words format: ## one rule each: who includes whom; how long things are; a README a folder; banned words; layout
	@tests/tools/$@.sh

purity: $(B)/policy.a ## what policy/ may call
	@tests/tools/purity.sh $<

man: $(B)/bin/chameleon ## manual pages, from the tables that make --help
	@$< man --into $(B)/man && echo "  man     $(B)/man"

install: all man ## into PREFIX (/usr/local), below DESTDIR if set
	@tools/install.sh $(B) "$(DESTDIR)" "$(PREFIX)"

clean: ## remove every build
	rm -rf build build-*

help: ## this list
	@sed -n 's/^\([a-z][a-z -]*\):.*## /  \1~/p' $(MAKEFILE_LIST) | \
	    sed 's/floors sizes readmes words format/floors sizes ... format/' | \
	    awk -F'~' '{ printf "  %-26s %s\n", $$1, $$2 }'
	@echo "  variables                  CC=clang SAN=address|undefined|thread" \
	    "PREFIX= DESTDIR="
	@echo "                             CUDA=auto|0|1|sim (auto: with CUDA where" \
	    "nvcc is)"

# What a machine lacks is installed once, before anything is compiled.
$(DEPS): tools/deps.sh
	@mkdir -p $(@D); tools/deps.sh && touch $@
$(DEPS_TESTS): tools/deps.sh $(DEPS)
	@tools/deps.sh tests && touch $@

# tests/unit/*.c each end in one `Suite *suite_NAME(void)`.
$(B)/tests/suites.tbl: FORCE
	@mkdir -p $(@D)
	@sed -n 's/^Suite \*\(suite_[a-z0-9_]*\)(void);.*/SUITE(\1)/p' \
	    tests/unit/*.c tests/scenario.c >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(B)/tests/main.o: $(B)/tests/suites.tbl

.SECONDEXPANSION:
$(OUR_A) $(ROLE_A) $(B)/cli.a: $(B)/%.a: $$(call obj,$$*)
	@mkdir -p $(@D); rm -f $@; $(AR) qcs $@ $^
$(B)/tests/cudasim.a: $(patsubst %,$(B)/%.o,$(basename $(wildcard tests/cudasim/*.cc tests/cudasim/*.c)))
	@mkdir -p $(@D); rm -f $@; $(AR) qcs $@ $^
# The kernels against their definitions; on the GPU, or on the stand-in for one.
# X_sim.c is about the stand-in.
KERNELS_C := $(filter-out $(if $(filter cudasim,$(KIND)),,%_sim.c),$(wildcard \
	tests/kernels/*.c))
KERNELS_O := $(KERNELS_C:%.c=$(B)/%.o)
$(B)/kernels: $(KERNELS_O) $(B)/tests/kernels/main.o $(B)/gpuexec.a $(B)/model.a $(B)/device.a $(B)/base.a $(SIM_A)
	$(LINK) $$(pkg-config --libs check) $(LDLIBS)
gpu_o = $(patsubst %,$(B)/%.o,$(basename $(wildcard tests/gpu/$1/*.c \
	tests/gpu/$1/*.cu)))
$(B)/bench-gpu: $(call gpu_o,bench)
$(B)/gpu-facts: $(call gpu_o,facts)
$(B)/bench-gpu $(B)/gpu-facts: $(B)/gpuexec.a $(B)/model.a $(B)/device.a $(B)/base.a $(SIM_A)
	$(LINK) $(LDLIBS)
$(B)/tests/kernels/suites.tbl: FORCE
	@mkdir -p $(@D)
	@sed -n 's/^Suite \*\(suite_[a-z0-9_]*\)(void);.*/SUITE(\1)/p' \
	    $(KERNELS_C) >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(B)/tests/kernels/main.o: tests/main.c $(B)/tests/kernels/suites.tbl | $(DEPS)
	@$(CC) $(CFLAGS) -DSUITES='"tests/kernels/suites.tbl"' -c -o $@ $<
$(B)/bin/chameleon: $(B)/cli/main.o $(B)/cli.a $(ROLE_A) $(LIB_A)
	$(LINK) $(LDLIBS)
$(B)/bin/chameleon-%: $(B)/%/main.o $(B)/%.a $(LIB_A)
	$(LINK) $(LDLIBS)
$(B)/check: $(UNIT_O) $(B)/cli.a $(ROLE_A) $(LIB_A)
	$(LINK) $$(pkg-config --libs check) $(LDLIBS)
$(B)/bench/%: $(B)/tests/bench/%.o $(B)/cli.a $(ROLE_A) $(LIB_A)
	$(LINK) $(LDLIBS)
$(B)/stress/%: $(B)/tests/stress/%.o $(LIB_A)
	$(LINK) $(LDLIBS)
$(B)/swarm/swarm: $(SWARM_O) $(ROLE_A) $(LIB_A)
	$(LINK) $(LDLIBS)
$(B)/tools/%: $(B)/tests/tools/%.o $(B)/cli.a $(ROLE_A) $(LIB_A)
	$(LINK) $(LDLIBS)
$(B)/%.o: %.cu | $(DEPS)
	@mkdir -p $(@D); echo "  cuda    $<"; $(CUCC_$(KIND)) $(CUFLAGS_$(KIND)) -c -o $@ $<
$(B)/tests/cudasim/%.o: tests/cudasim/%.cc | $(DEPS)
	@mkdir -p $(@D); echo "  c++     $<"; $(CXX) $(CUFLAGS_cudasim) -c -o $@ $<
$(B)/%.o: %.c | $(DEPS)
	@mkdir -p $(@D); echo "  cc      $<"; $(CC) $(CFLAGS) -c -o $@ $<
-include $(shell find $(B) -name '*.d' 2>/dev/null)
.SECONDARY:
.DELETE_ON_ERROR:
