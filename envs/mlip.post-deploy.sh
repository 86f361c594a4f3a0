#!/usr/bin/env bash
# Compiles the kernel into the environment that Snakemake has made from mlip.yaml and activated.
# Snakemake runs a copy of this file, so only the working directory tells where the repository is.
set -euo pipefail
if [[ ! -f kernel/Makefile ]]; then
  echo "$PWD has no kernel/Makefile: run 'snakemake --sdm conda --conda-create-envs-only' once" \
    "in the repository's folder, without --directory" >&2
  exit 1
fi
make --silent -C kernel PYTHON="$CONDA_PREFIX/bin/python"
