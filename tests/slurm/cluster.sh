#!/usr/bin/env bash
# A real SLURM on this machine, for tests: munge, a controller, and two daemons that are a node each.
#
#     tests/slurm/cluster.sh up FOLDER        brings it up; all that it writes is in FOLDER. With NODE_CORES
#                                             in the environment each node has so many cores to
#                                             itself, else four that are any of the machine's
#     tests/slurm/cluster.sh down FOLDER      ends its jobs, whatever they have left behind, and its
#                                             daemons, and removes FOLDER
#     tests/slurm/cluster.sh start NAME FOLDER     starts one daemon: controller, node1, node2
#
# Everything listens on loopback addresses only. SLURM's programs find the configuration in
# /run/slurm/conf, where they look when there is none in /etc/slurm; a variable would not do, since
# Snakemake takes SLURM's variables out of the environment of its jobs. "up" ends with status 3 and
# says why where there can be no such cluster; programs are installed by `./install.sh slurm`.
set -euo pipefail

readonly found_by_programs=/run/slurm/conf
readonly nodes=(node1 node2)

cannot() {
  printf 'no SLURM for tests: %s\n' "$*" >&2
  exit 3
}

# Waits until a command succeeds, for so many seconds.
within() {
  local seconds=$1
  shift
  for ((tenth = 0; tenth < 10 * seconds; tenth++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  return 1
}

write_configuration() {
  local host
  host=$(hostname -s)
  mkdir -p "$folder/conf" "$folder/state"
  cat >"$folder/conf/slurm.conf" <<CONFIGURATION
ClusterName=$name
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=5
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MinJobAge=3600
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
StateSaveLocation=$folder/state
SlurmctldPidFile=$folder/controller.pid
SlurmctldLogFile=$folder/controller.log
SlurmdSpoolDir=$folder/%n
SlurmdPidFile=$folder/%n.pid
SlurmdLogFile=$folder/%n.log
SlurmdParameters=config_overrides
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=16818 CPUs=${NODE_CORES:-4} RealMemory=16000
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=16819 CPUs=${NODE_CORES:-4} RealMemory=16000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONFIGURATION
}

# Runs a command on the cores of the first or second node.
on_its_cores() {
  local number=$1
  shift
  if [[ -z ${NODE_CORES:-} ]]; then
    "$@"
  else
    taskset --cpu-list "$(((number - 1) * NODE_CORES))-$((number * NODE_CORES - 1))" "$@"
  fi
}

start() {
  case $1 in
    munge)
      # Its folder need not be open to all: everything here is root's.
      munged --force --socket="$folder/munge.socket" --key-file="$folder/munge.key" \
        --pid-file="$folder/munge.pid" --log-file="$folder/munge.log" \
        --seed-file="$folder/munge.seed"
      ;;
    controller) slurmctld -f "$folder/conf/slurm.conf" ;;
    *) on_its_cores "${1#node}" slurmd -f "$folder/conf/slurm.conf" -N "$1" ;;
  esac
}

up() {
  local program
  ((EUID == 0)) || cannot "it takes root"
  for program in munged slurmctld slurmd srun sbatch squeue scancel scontrol; do
    type "$program" >/dev/null 2>&1 || cannot "$program is not installed (./install.sh slurm)"
  done
  for place in /etc/slurm/slurm.conf "$found_by_programs"; do
    [[ ! -e $place && ! -L $place ]] || cannot "there is a $place: a SLURM of another's, or of a run
that was killed (rm $found_by_programs)"
  done
  mkdir -p "$folder"
  chmod 755 "$folder"
  write_configuration
  (umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
  mkdir -p "$(dirname "$found_by_programs")"
  ln -s "$folder/conf" "$found_by_programs"
  if ! start_all || ! within 30 all_idle; then
    tail -n 20 "$folder"/*.log >&2
    down
    cannot "its nodes do not come up; see the logs above"
  fi
}

start_all() {
  local daemon
  for daemon in munge controller "${nodes[@]}"; do start "$daemon" || return; done
}

all_idle() {
  [[ $(sinfo --noheader --Node --format=%T | sort -u) == idle ]]
}

no_job() {
  [[ -z $(squeue --noheader) ]]
}

down() {
  local pid
  # Without a controller there is nobody to ask for the end of jobs.
  if [[ -L $found_by_programs ]] && scontrol ping 2>/dev/null | grep -q UP; then
    scancel --user=root || true
    within 30 no_job || true
  fi
  for daemon in "${nodes[@]}" controller munge; do
    pid=$(cat "$folder/$daemon.pid" 2>/dev/null) || continue
    kill "$pid" 2>/dev/null || continue
    within 10 gone "$pid" || kill -KILL "$pid"
  done
  # What has outlived its job, or a node that was lost, is nobody's now.
  within 10 kill_left_behind || printf 'jobs of %s do not end\n' "$folder" >&2
  if [[ $(readlink "$found_by_programs") == "$folder/conf" ]]; then
    rm "$found_by_programs"
    rmdir --ignore-fail-on-non-empty "$(dirname "$found_by_programs")"
  fi
  rm -rf "$folder"
}

gone() {
  ! kill -0 "$1"
}

# Succeeds when there is nothing to kill. Jobs are told the name of their cluster.
kill_left_behind() {
  local place left=()
  for place in $(grep -lzx "SLURM_CLUSTER_NAME=$name" /proc/[0-9]*/environ 2>/dev/null); do
    place=${place#/proc/}
    left+=("${place%/environ}")
  done
  ((${#left[@]} == 0)) || { kill -KILL "${left[@]}" && false; }
}

folder=$(realpath --canonicalize-missing "${!#}")
# Of this cluster alone, so that what its jobs leave behind is known from what others do.
name=tests$(cksum <<<"$folder" | cut -d ' ' -f 1)
readonly folder name
case ${1:-} in
  up) up ;;
  down) down ;;
  start) start "$2" ;;
  *)
    sed -n '2,/^set/{s/^# \{0,1\}//;/^set/d;p}' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
