#!/bin/sh
# The floor of a run that changes nothing: one ssh, one script that checks the same state with
# the host's own tools, one after the other as somebody would type them. Prints what differs;
# exit code 0 means that nothing does.
# Usage: floor.sh STACK_USER 'REFERENCE ...' 'SECRET ...' 'CONTAINER ...' 'KEY=VALUE ...' \
#                 ZRAM_BYTES ALGORITHM PRIORITY 'PACKAGE ...' < `sha256sum` list
user=$1 images=$2 secrets=$3 containers=$4 sysctls=$5 bytes=$6 algorithm=$7 priority=$8
shift 8
packages=$1
bad=0
differs() { echo "differs: $*"; bad=1; }
# shellcheck disable=SC2086  # lists of plain words
dpkg-query -W $packages >/dev/null 2>&1 || differs packages
sha256sum --check --quiet - || differs files
for pair in $sysctls; do
    key=${pair%%=*}
    [ "$(cat "/proc/sys/$key")" = "${pair#*=}" ] || differs "$key"
done
[ "$(cat /sys/block/zram0/disksize)" = "$bytes" ] || differs zram size
grep -q "\[$algorithm\]" /sys/block/zram0/comp_algorithm || differs zram algorithm
grep -q "^/dev/zram0 .*[[:space:]]$priority\$" /proc/swaps || differs zram swap
[ "$(cat /sys/module/zswap/parameters/enabled)" = N ] || differs zswap
uid=$(id -u "$user") || differs user
grep -q "^$user:" /etc/subuid && grep -q "^$user:" /etc/subgid || differs subids
[ -e "/var/lib/systemd/linger/$user" ] || differs linger
cat "/sys/fs/cgroup/user.slice/user-$uid.slice/user@$uid.service/cgroup.controllers" |
    grep -q 'cpuset cpu io memory pids' || differs delegation
[ -x /opt/xnai/podman-compose/bin/podman-compose ] || differs podman-compose
[ -e /etc/systemd/user/default.target.wants/xnai-stack.service ] || differs boot unit
present=$(xnai-podman images --format '{{.Repository}}:{{.Tag}}')
for image in $images; do
    echo "$present" | grep -q -x -F "$image" || differs "image $image"
done
# shellcheck disable=SC2086
xnai-podman secret inspect $secrets >/dev/null || differs secrets
running=$(xnai-podman ps --format '{{.Names}} {{.Image}} {{.Status}}')
for container in $containers; do
    echo "$running" | grep -q "^$container .*(healthy)" || differs "container $container"
done
exit $bad
