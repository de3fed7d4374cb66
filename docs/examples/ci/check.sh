#!/bin/sh
# What a repository with your settings (hosts.py, group_data/, your Dockerfiles) can have checked
# at each push:
#
#     sh ci/check.sh settings render audit      needs no machine
#     sh ci/check.sh host                       needs one that was deployed
#     sh ci/check.sh lab                        makes one, deploys to it, checks it (root, 15 GB)
#
# XNAI_CHECKOUT   where xnai is, after `make setup sandbox` there          [../xnai]
# XNAI_HOSTS      your hosts.py; without one, settings are checked for this machine's own memory
# TEST_HOST       for host: as pytest-testinfra names it, ssh://me@laptop.lan
# SSH_CONFIG      for host: an ssh_config(5) with the key and the known hosts [~/.ssh/config]
# RESULTS         where what was rendered and found goes, a new directory  [xnai-results]
#
# Ends with the first step that fails, and with that step's exit code.
set -eu

here=$(pwd)
checkout=$(cd "${XNAI_CHECKOUT:-../xnai}" && pwd)
results=${RESULTS:-xnai-results}
mkdir -p "$results"
results=$(cd "$results" && pwd)
if [ -n "${XNAI_HOSTS:-}" ]; then
    XNAI_HOSTS=$(realpath "$XNAI_HOSTS")
    export XNAI_HOSTS
    inventory=inventory.py
else
    inventory=@local
fi
[ $# -gt 0 ] || set -- settings render audit

# A command, with your group_data where there is one.
with_own() {
    if [ -d "$here/group_data" ]; then
        "$@" --group-data "$here/group_data"
    else
        "$@"
    fi
}

# xnai reads its own group_data beside it.
cd "$checkout"
for step; do
    echo "==> $step"
    case $step in
    settings)
        with_own .venv/bin/xnai settings --inventory "$inventory" > "$results/settings.txt"
        ;;
    render)
        with_own .venv/bin/xnai render "$results/rendered" --inventory "$inventory"
        ;;
    audit)
        # What is known already is no news: xnai audit . --write-baseline ci/audit-known.json
        known=$here/ci/audit-known.json
        [ -f "$known" ] || known=
        .venv/bin/xnai audit "$here" --exclude "$(basename "$results")/*" --fail-on error \
            --format sarif --output "$results/audit.sarif" ${known:+--baseline "$known"}
        [ ! -d "$results/rendered" ] || .venv/bin/xnai audit "$results/rendered" --fail-on warning
        ;;
    host)
        : "${TEST_HOST:?which machine? TEST_HOST=ssh://me@laptop.lan}"
        with_own .venv/bin/pytest tests/host --hosts="$TEST_HOST" \
            --ssh-config="${SSH_CONFIG:-$HOME/.ssh/config}"
        ;;
    lab)
        .venv/bin/xnai lab up ci
        machine=${XDG_STATE_HOME:-$HOME/.local/state}/xnai/lab/machines/ci
        export XNAI_HOSTS="$machine/hosts.py"
        with_own .venv/bin/pyinfra -y inventory.py deploy.py --group-data xnai/lab/group_data
        with_own .venv/bin/pytest tests/host --hosts=ssh://lab-ci \
            --ssh-config="$machine/ssh_config" --group-data xnai/lab/group_data
        .venv/bin/xnai lab down ci
        ;;
    *)
        echo "no step $step: settings, render, audit, host or lab" >&2
        exit 2
        ;;
    esac
done
