#!/usr/bin/env bash
# A SLURM of two nodes on this machine, node2 with a GPU that is none.
#
#   cluster.sh check       says why one cannot be started here, if so
#   cluster.sh start DIR   munge, slurmctld and two slurmd; every file under DIR
#   cluster.sh stop DIR    ends them, and the jobs that still wait or run
#
# Needs root and Debian's packages slurm-wlm and munge. Jobs read the configuration where the
# package looks for it, /etc/slurm, so there can be one such cluster on a machine, and none beside
# a SLURM of its own.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
files=(slurm.conf gres.conf cgroup.conf)
nodes=(node1 node2)

refuse() {
    echo "cluster.sh: $*" >&2
    exit 1
}

soon() { # COMMAND ...: try until it succeeds, half a minute at most
    local tries
    for ((tries = 0; tries < 150; tries++)); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.2
    done
    return 1
}

check() {
    local program
    [ "$(id -u)" = 0 ] || refuse "needs root"
    for program in munged slurmctld slurmd; do
        PATH=$PATH:/usr/sbin command -v $program >/dev/null ||
            refuse "$program is missing; install slurm-wlm and munge"
    done
}

runs() { # NAME: the process in NAME.pid is alive and still that program
    local pid
    pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 1
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "${1%%.*}" ] &&
        ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status"
}

ended() { ! runs "$1"; }

ours() { # FILE: /etc/slurm/FILE is absent or a link into this cluster's folder
    local path=/etc/slurm/$1
    [ ! -e "$path" ] && [ ! -L "$path" ] || [ "$(readlink "$path")" = "$dir/$1" ]
}

no_jobs() { [ -z "$(timeout 10 squeue --noheader --states=PENDING,RUNNING,COMPLETING)" ]; }

nodes_up() { [ "$(timeout 10 sinfo -hN --states=idle -o %N | sort -u | wc -l)" = ${#nodes[@]} ]; }

start_munge() {
    if munge --no-input >/dev/null 2>&1; then return; fi # the machine has its own
    install -d -o munge -g munge -m 755 /run/munge
    setpriv --reuid=munge --regid=munge --clear-groups munged --pid-file=/run/munge/munged.pid
    soon munge --no-input
    cp /run/munge/munged.pid "$dir/munged.pid"
}

start() {
    local file node
    check
    # a longer folder makes the path of a socket too long, and jobs wait for ever
    [ ${#dir} -le 70 ] || refuse "$dir is longer than 70 characters"
    for file in "${files[@]}"; do
        ours "$file" || refuse "/etc/slurm/$file belongs to another SLURM, which is left alone"
    done
    if runs slurmctld; then refuse "already started in $dir"; fi

    trap 'status=$?; [ $status = 0 ] || { echo "cluster.sh: no start, see $dir/*.log" >&2; stop; }' EXIT
    install -d "$dir/state" "${nodes[@]/#/$dir/spool/}" /etc/slurm
    sed -e "s|@HOST@|$(hostname -s)|g" -e "s|@DIR@|$dir|g" "$here/slurm.conf.in" >"$dir/slurm.conf"
    echo 'NodeName=node2 Name=gpu Count=1 File=/dev/zero' >"$dir/gres.conf"
    echo 'CgroupPlugin=cgroup/v1' >"$dir/cgroup.conf" # autodetection ends slurmd where there is none
    for file in "${files[@]}"; do ln -sfn "$dir/$file" "/etc/slurm/$file"; done
    # SLURM resolves no name on a machine whose only address is 127.0.0.1
    if [ -z "$(hostname -I)" ]; then ip address add 127.0.0.2/8 dev lo 2>/dev/null || true; fi

    start_munge
    slurmctld -i
    soon scontrol ping
    for node in "${nodes[@]}"; do slurmd -N "$node"; done
    soon nodes_up
    trap - EXIT
}

stop() {
    local file name
    set +e
    if runs slurmctld; then # else the processes of jobs would outlive their node
        timeout 10 squeue --noheader --format=%A | timeout 10 xargs --no-run-if-empty scancel
        soon no_jobs
    fi
    for name in "${nodes[@]/#/slurmd.}" slurmctld munged; do
        if runs "$name"; then
            kill "$(cat "$dir/$name.pid")"
            soon ended "$name" || kill -9 "$(cat "$dir/$name.pid")"
        fi
        rm -f "$dir/$name.pid"
    done
    for file in "${files[@]}"; do
        if [ "$(readlink "/etc/slurm/$file")" = "$dir/$file" ]; then rm "/etc/slurm/$file"; fi
    done
    return 0
}

PATH=$PATH:/usr/sbin
case "${1:-}:$#" in
check:1) check ;;
start:2 | stop:2) dir=$(realpath -m "$2") && "$1" ;;
*) refuse "check | start DIR | stop DIR" ;;
esac
