#!/usr/bin/env bash
# Sets up .venv: system programs, Python packages of requirements.lock, what is compiled.
#
# `make` calls this when it is due; a second call repeats nothing that is there. Python packages
# are installed into a new .venv whenever requirements.lock differs from the copy that a finished
# installation leaves in it, so that an interrupted one is repaired by the next call.
#
# `./install.sh slurm` installs SLURM's daemons instead, which the tests of the SLURM profile start for
# themselves (tests/slurm/cluster.sh). Nothing else needs them; without root they are left out, and those
# tests are skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly environment=.venv
readonly finished=$environment/requirements.lock
log=$(mktemp)
readonly log
trap 'rm -f "$log"' EXIT

say() { printf 'set-up: %s\n' "$*"; }

fail() {
  printf 'set-up: %s\n' "$@" >&2
  exit 1
}

# Runs a command whose output matters only if it fails.
quietly() {
  "$@" >"$log" 2>&1 </dev/null && return
  cat "$log" >&2
  fail "failed: $*"
}

# Prints the first Python of the PATH that .venv can be made with. Pythons of virtual environments
# are passed over: one may be the .venv that is about to be replaced.
find_python() {
  local candidate
  while read -r candidate; do
    if "$candidate" - <<'PYTHON' 2>/dev/null; then
import ensurepip, sys, venv
sys.exit(not ((3, 11) <= sys.version_info < (3, 14) and sys.prefix == sys.base_prefix))
PYTHON
      printf '%s\n' "$candidate"
      return
    fi
  done < <(type -ap python3.13 python3.12 python3.11 python3)
  return 1
}

# Whether a Python brings the headers that modules for it are compiled with.
has_headers() {
  "$1" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
}

# Prints the Debian packages that bring a suitable Python with its venv module and headers.
python_package() {
  local version
  for version in 3.13 3.12 3.11; do
    if apt-cache show "python$version-venv" >/dev/null 2>&1; then
      printf '%s\n' "python$version-venv" "python$version-dev"
      return
    fi
  done
  printf '%s\n' python3-venv python3-dev
}

# Prints the Debian packages whose programs are not on the PATH, one a line.
missing_packages() {
  if ! type pw.x ld1.x >/dev/null 2>&1; then
    # OpenBLAS is a third faster than the BLAS that pw.x is installed with otherwise.
    printf '%s\n' quantum-espresso openmpi-bin libopenblas0-pthread
  fi
  type g++ >/dev/null 2>&1 || printf 'g++\n'
  type make >/dev/null 2>&1 || printf 'make\n'
  local python
  if ! python=$(find_python); then
    python_package
  elif ! has_headers "$python"; then
    "$python" -c 'import sys; print("python%d.%d-dev" % sys.version_info[:2])'
  fi
}

# Prints SLURM's Debian packages if its daemons are not on the PATH.
missing_slurm() {
  type munged slurmctld slurmd sbatch >/dev/null 2>&1 ||
    printf '%s\n' slurmctld slurmd slurm-client munge
}

# Installs the packages that a function prints.
install_system_packages() {
  local missing packages=$1
  mapfile -t missing < <("$packages")
  ((${#missing[@]})) || return 0

  local as_root=()
  if ((EUID != 0)); then
    as_root=(sudo)
    # Without a terminal, sudo has to do without a password.
    if [[ ! -t 0 ]]; then as_root=(sudo --non-interactive); fi
    if ! type apt-get sudo >/dev/null 2>&1 || ! "${as_root[@]}" --validate; then
      missing_by_hand "${missing[@]}"
    fi
  elif ! type apt-get >/dev/null 2>&1; then
    missing_by_hand "${missing[@]}"
  fi

  # Nothing may ask a question: not debconf, not needrestart, not another apt-get that is at work.
  local apt_get=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a LC_ALL=C.UTF-8
    apt-get --yes -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  say "apt-get update"
  quietly "${apt_get[@]}" update
  # Only now is it known which Python the distribution has.
  mapfile -t missing < <("$packages")
  say "apt-get install ${missing[*]}"
  quietly "${apt_get[@]}" install --no-install-recommends "${missing[@]}"
}

missing_by_hand() {
  fail "programs are missing, and installing them takes root, sudo and apt-get. Either have" \
    "    apt-get install --no-install-recommends $*" \
    "run (on Debian or Ubuntu), or use conda:" \
    "    conda env create -f environment.yaml && conda activate small-cell && make"
}

install_python_packages() {
  local python
  if cmp --quiet requirements.lock "$finished"; then return; fi
  python=$(find_python) ||
    fail "no Python 3.11, 3.12 or 3.13 with the modules venv and ensurepip is on the PATH"
  say "$("$python" --version) ($python) and $(grep -c == requirements.lock) packages into $environment"
  quietly "$python" -m venv --clear "$environment"

  local install=("$environment/bin/python" -m pip -qq --disable-pip-version-check install
    --require-hashes --no-deps --only-binary :all:)
  # One package comes without a wheel. It is built with the lock's own setuptools, since those that
  # pip would fetch for it are not held by any hash.
  sed -n '/^setuptools==/,/[^\\]$/p' requirements.lock >"$environment/setuptools.lock"
  quietly "${install[@]}" --requirement "$environment/setuptools.lock"
  quietly "${install[@]}" --no-binary connection-pool --no-build-isolation --use-pep517 \
    --requirement requirements.lock
  cp requirements.lock "$finished"
}

compile() {
  say "the kernel and the LAMMPS plugin"
  # A relative path, as the one of the clone may have spaces in it.
  make --silent -C kernel PYTHON="../$environment/bin/python"
  make --silent -C plugin PYTHON="../$environment/bin/python"
}

if [[ ${1:-} == slurm ]]; then
  if ((EUID == 0)) && type apt-get >/dev/null 2>&1; then
    install_system_packages missing_slurm
  elif [[ -n $(missing_slurm) ]]; then
    say "SLURM is left out: it takes root and apt-get; tests that need it are skipped"
  fi
  exit
fi

install_system_packages missing_packages
install_python_packages
compile
say "ready"
