#!/usr/bin/env bash
# Compiles the plugin into the environment that Snakemake has made from lammps.yaml and activated.
# Snakemake runs a copy of this file, so only the working directory tells where the repository is.
set -euo pipefail
if [[ ! -f plugin/Makefile ]]; then
  echo "$PWD has no plugin/Makefile: run 'snakemake --sdm conda --conda-create-envs-only' once" \
    "in the repository's folder, without --directory" >&2
  exit 1
fi
make --silent -C plugin PYTHON="$CONDA_PREFIX/bin/python" CXX="${CXX:-g++}"
