# `make` lists the targets. Each that needs the environment sets it up first, once.

# Not what OMP_NUM_THREADS says, which nproc would heed: each job has one thread anyhow.
CORES ?= $(shell env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)

start := $(shell date +%s)

# An active conda environment that was made from environment.yaml is used as it is; any other is
# left alone, and install.sh makes .venv.
conda := $(if $(CONDA_PREFIX),$(wildcard $(CONDA_PREFIX)/bin/pw.x))
environment := $(if $(conda),$(CONDA_PREFIX),$(CURDIR)/.venv)
ready := $(if $(conda),$(CONDA_PREFIX),.venv)/ready
export PATH := $(environment)/bin:$(PATH)

compile = $(MAKE) --silent -C kernel PYTHON=python && $(MAKE) --silent -C plugin PYTHON=python
cpp := $(wildcard kernel/*.cpp kernel/*.h kernel/*.ipp kernel/python/*.cpp plugin/*.cpp plugin/*.h tests/*.cpp)
smk := Snakefile rules

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: quickstart
quickstart: $(ready) ## train the potential of config/config.yaml
	@snakemake --cores $(CORES) --quiet rules host progress; status=$$?; \
	  find results/quickstart -name summary.txt ! -newermt @$(start) -exec cat {} +; \
	  echo "make quickstart: $$(($$(date +%s) - $(start))) s, set-up included"; exit $$status

RUN ?= results/quickstart

.PHONY: status
status: $(ready) ## tell how far the campaign RUN=results/<run> is, running or dead
	@python -m smallcell.status $(RUN)

# A file after another in each process, campaigns first: fixtures of a file are made once.
.PHONY: test
test: lint audit sanitize slurm ## check the style and run all tests
	pytest --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder

# Where it cannot be installed, the tests that need it are skipped, and say so.
.PHONY: slurm
slurm: ## install SLURM for the tests that run campaigns through it
	-@./install.sh slurm

.PHONY: test-slurm
test-slurm: $(ready) slurm ## lose nodes, jobs, controller and head of a campaign on a real SLURM; ten minutes
	pytest --quiet -rsP tests/workflow/faults.py

.PHONY: walk-through
walk-through: $(ready) ## do what docs/adding-an-element.md says: lithium, and lithium with sodium
	pytest --quiet -rP tests/adding_an_element.py

.PHONY: sanitize
sanitize: $(ready) ## run the pair styles' tests with the address and undefined-behaviour sanitizers
	SANITIZERS=address,undefined pytest --quiet --numprocesses $(CORES) -k "not cmake" \
	  tests/test_plugin.py

.PHONY: setup
setup: $(ready) ## only set up the environment

.PHONY: plugin
plugin: $(ready) ## compile kernel and LAMMPS plugin
	$(compile)

.PHONY: lint
lint: $(ready) ## check the style
	ruff check .
	ruff format --check .
	snakefmt --check $(smk)
	snakemake --lint
	clang-format --dry-run -Werror $(cpp)

.PHONY: format
format: $(ready) ## repair what can be repaired of the style
	ruff check --fix .
	ruff format .
	snakefmt $(smk)
	clang-format -i $(cpp)

# Versions that the present lock names are kept where requirements.in allows them; delete the lock
# first to have the newest of everything.
.PHONY: lock
lock: ## make requirements.lock from requirements.in
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	python3 -m venv "$$folder" && "$$folder/bin/pip" -qq install uv && \
	"$$folder/bin/uv" --no-config --quiet pip compile --universal --python-version 3.11 \
	  --fork-strategy fewest --generate-hashes --no-annotate --custom-compile-command "make lock" \
	  --output-file requirements.lock requirements.in

STORE ?= labels

.PHONY: verify-labels
verify-labels: $(ready) ## read and check all of the label store STORE
	python -m smallcell.verification $(STORE)

.PHONY: fuzz
fuzz: $(ready) ## let the kernel read a million damaged potentials, with sanitizers
	FUZZ_TIMES=1000000 pytest --quiet tests/test_fuzz.py

KILLS ?= 200

.PHONY: kill-matrix
kill-matrix: $(ready) ## kill and resume campaigns KILLS times; writes docs/results.md, goes on where it was
	PYTHONPATH=.:tests:tests/workflow \
	  python benchmarks/kill_matrix.py results/kill-matrix $(KILLS) docs/results.md

.PHONY: dependencies
dependencies: $(ready) ## list what requirements.lock brings, with licences: docs/dependencies.cdx.json
	PYTHONPATH=. python benchmarks/dependencies.py requirements.lock docs/dependencies.cdx.json

# What there is to be known of packages is on the network; the licences and hashes of the lock are
# looked at by the tests.
.PHONY: audit
audit: ## ask pip-audit whether a package of requirements.lock is known to be vulnerable
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT; found=$$folder/found.json; \
	{ python3 -m venv "$$folder" && "$$folder/bin/pip" -qq install pip-audit==2.10.1 && \
	"$$folder/bin/pip-audit" --requirement requirements.lock --require-hashes --disable-pip \
	  --format json --output "$$found"; } 2>"$$folder/said"; status=$$?; \
	tail -n 1 "$$folder/said"; \
	if test ! -s "$$found"; then echo "make audit: skipped, nothing can be asked from here"; \
	elif test $$status -ne 0; then cat "$$found"; exit 1; fi

.PHONY: bench-md
bench-md: $(ready) ## measure the pair style; writes docs/benchmarks.md
	PYTHONPATH=. python benchmarks/md.py docs/benchmarks.md

.PHONY: bench-label-cost
bench-label-cost: $(ready) ## compare what labels took with what is foreseen, in STORES too
	PYTHONPATH=. OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 \
	  python benchmarks/label_cost.py benchmarks/labels docs/benchmarks.md $(STORES)

.PHONY: bench-scaling
bench-scaling: $(ready) slurm ## measure what the workflow costs beside its labels, in 100 rounds, on SLURM
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	export PYTHONPATH=.:tests:tests/workflow && \
	python benchmarks/scaling.py "$$folder/rounds" rounds 100 10 && \
	python benchmarks/scaling.py "$$folder/labels" labels 10 100 1000 10000 && \
	python benchmarks/scaling.py "$$folder/slurm" slurm 1000 64 && \
	python benchmarks/scaling.py "$$folder/pw" pw 62 8

.PHONY: bench-memory
bench-memory: $(ready) ## compare the memory that pw.x takes with our estimate; half an hour
	PYTHONPATH=. python benchmarks/memory.py

# A set of labelled structures, for the three targets below.
SET ?= results/quickstart/train.extxyz
LEVELS ?= $(basename $(SET))-levels

.PHONY: bench-fit
bench-fit: $(ready) $(SET) ## measure the fit on SET, ours and motep's; more by OPTIONS
	PYTHONPATH=. OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 \
	  python benchmarks/fit.py $(SET) docs/benchmarks.md $(OPTIONS)

.PHONY: levels
levels: $(ready) $(SET) ## fit SET by all levels: draws error against cost, to choose a level by
	PYTHONPATH=. python benchmarks/levels.py $(SET) $(LEVELS)

POTENTIAL ?= results/quickstart/potential.mtp
measure = PYTHONPATH=. OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
  python -m smallcell.measure $(basename $(POTENTIAL)).almtp

.PHONY: bench-selection
bench-selection: $(ready) $(SET) ## measure thinning and selection from walks of POTENTIAL, fitted to SET
	PYTHONPATH=. OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 \
	  python benchmarks/selection.py $(SET) $(POTENTIAL) docs/benchmarks.md

PRUNED ?= $(basename $(POTENTIAL))-pruned

# WEIGHTS of the fit, where they are not the defaults: --force 0.01 --convention mlip
.PHONY: prune
prune: $(ready) $(SET) ## drop what POTENTIAL, fitted to SET, can do without: a cheaper potential
	PYTHONPATH=. python -m smallcell.prune $(SET) $(POTENTIAL) $(PRUNED) $(WEIGHTS) --threads $(CORES)

# OPTIONS: --walks 20 --atoms 250 --duration 100 --temperature 100 800 --pressure 0 0.5
.PHONY: survive
survive: $(ready) $(POTENTIAL) ## does POTENTIAL (.almtp) hold 250 atoms together? twenty walks
	PYTHONPATH=. OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
	  python -m smallcell.survival $(basename $(POTENTIAL)).almtp --threads $(CORES) $(OPTIONS)

# OPTIONS: --between 250 450 --runs 4 --column-atoms 2000 --column-duration 400; --help has all
.PHONY: melting
melting: $(ready) $(POTENTIAL) ## melting point and heat of fusion of POTENTIAL (.almtp); an hour at level 8
	$(measure) melting --threads $(CORES) $(OPTIONS)

.PHONY: dynamics
dynamics: $(ready) $(POTENTIAL) ## density, structure and diffusion of POTENTIAL (.almtp), solid and liquid
	$(measure) density structure diffusion --threads $(CORES) $(OPTIONS)

# OPTIONS: --of Na0.5K0.5 Na0.33K0.67 --liquid 384 600; also for make dynamics
.PHONY: mixing
mixing: $(ready) $(POTENTIAL) ## enthalpy and volume of mixing of liquids of POTENTIAL (.almtp)
	$(measure) mixing --threads $(CORES) $(OPTIONS)

# OPTIONS: --liquidus K:Na0.2K0.8:300 K:Na0.25K0.75:285 Na:Na0.6K0.4:300 Na:Na0.5K0.5:285
.PHONY: eutectic
eutectic: $(ready) $(POTENTIAL) ## eutectic of POTENTIAL (.almtp), from crystals beside liquids; many hours
	$(measure) eutectic --threads $(CORES) $(OPTIONS)

# Temperature by temperature: what is done is kept. OPTIONS: --slabs 1200 1400 1600 1800 2000
.PHONY: critical-point
critical-point: $(ready) $(POTENTIAL) ## critical point of POTENTIAL (.almtp) from slabs; hours
	$(measure) critical-point --threads $(CORES) $(OPTIONS)

# A set with published labels in MLIP's format, its element, and how many of its structures, of
# them PUBLISHED at the full price.
ELEMENT ?= K
NUMBER ?= 8
PUBLISHED ?= 2

.PHONY: bench-labels
bench-labels: $(ready) ## measure the presets of pw.x on SET=set.cfg; writes docs/benchmarks.md
	PYTHONPATH=. OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 \
	  python benchmarks/labels.py $(SET) $(ELEMENT) $(NUMBER) $(PUBLISHED) benchmarks/labels docs/benchmarks.md

# A set of ELEMENT and a better potential, which stands for pw.x.
ORACLE ?= CFG16_2-54.almtp

.PHONY: bench-audit
bench-audit: $(ready) $(SET) $(ORACLE) ## what the audit's grades and cut-outs are worth, on SET
	PYTHONPATH=. OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 \
	  python benchmarks/audit.py $(SET) $(ORACLE) $(ELEMENT)

.PHONY: bench-forces
bench-forces: $(ready) ## see what moves forces on the 4-atom cells of SET=set.cfg (K)
	PYTHONPATH=. OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 \
	  python benchmarks/forces.py $(SET) $(NUMBER) benchmarks/labels docs/benchmarks.md

# Campaigns, and a set with labels that none of them has seen, which bench-cost needs.
CAMPAIGNS ?= config/potassium-level-8.yaml

# What is finished stays as it is, whatever has changed in the code since.
.PHONY: bench-cost
bench-cost: $(ready) ## what CAMPAIGNS cost and their errors on SET=set.cfg; writes docs/results.md
	for campaign in $(CAMPAIGNS); do \
	  snakemake --cores $(CORES) --quiet rules host progress --rerun-triggers mtime \
	    --configfile $$campaign || exit 1; \
	done
	PYTHONPATH=. python benchmarks/cost.py $(SET) docs/results.md $(CAMPAIGNS)

# A campaign's configuration, a potential to label in place of pw.x, core-seconds that pw.x takes for
# two atoms of its first element without symmetry, and seeds to try.
CAMPAIGN ?= config/potassium-level-8.yaml
LABEL_SECONDS ?= 70
SEEDS ?= 1 2 3

.PHONY: bench-protocol
bench-protocol: $(ready) ## try CAMPAIGN with labels by ORACLE=x.almtp, errors on SET=set.cfg
	PYTHONPATH=. OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 \
	  python benchmarks/protocol.py $(CAMPAIGN) $(ORACLE) $(SET) $(LABEL_SECONDS) $(SEEDS)

.PHONY: lennard-jones
lennard-jones: $(ready) ## compare the melting point of a Lennard-Jones crystal with the published one; hours
	PYTHONPATH=. OMP_NUM_THREADS=1 python tests/lennard_jones.py

.PHONY: published-label
published-label: $(ready) ## compare a label at the preset published with the paper's
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 pytest --quiet -rP tests/published_label.py

results/quickstart/train.extxyz:
	@echo "$@ is made by make quickstart; or name a set of your own: SET=file.extxyz"; exit 1

.PHONY: profile-md
profile-md: $(ready) ## show where the time of the pair style goes (needs perf)
	PYTHONPATH=. python benchmarks/profile_md.py

.PHONY: clean
clean: ## remove the environment and caches, but no result and no label
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis $(ready)
	find . \( -path ./results -o -path ./labels \) -prune -o -name __pycache__ -prune -exec rm -r {} +

$(ready): requirements.lock install.sh $(wildcard plugin/*.* kernel/*.* kernel/python/*.* */Makefile)
	@$(if $(conda),$(compile),./install.sh)
	@touch "$@"
