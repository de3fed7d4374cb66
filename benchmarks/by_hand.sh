#!/bin/sh
# From a fresh machine to the healthy stack by the same steps typed by hand, in the order in which
# deploy.py does them, without any check of what is already right.
# Usage, as root on the machine, in a directory with the rendered files as a tree `root/`, the
# build contexts `build/NAME/` and podman-compose's lock:
#   by_hand.sh STACK_USER UID 'PACKAGE ...' 'DIRECTORY=TARGET=REFERENCE ...' 'SECRET ...' SERVICES \
#     'NETWORK=INTERNAL ...' 'VOLUME=UID:GID ...' 'PROJECT=FILE ...'
# TARGET is a Dockerfile's stage, or - for the last one.
set -eu
user=$1 uid=$2 packages=$3 images=$4 secrets=$5 services=$6
shift 6
networks=$1 volumes=$2 projects=$3
export DEBIAN_FRONTEND=noninteractive
early="etc/systemd/zram-generator.conf.d etc/sysctl.d etc/tmpfiles.d"
for directory in $early; do
    mkdir -p "/$directory"
    cp root/"$directory"/* "/$directory/"
done
apt-get -q update
apt-get -q -y --no-install-recommends install systemd-zram-generator
/usr/lib/systemd/systemd-sysctl /etc/sysctl.d/90-xnai.conf
[ ! -e /sys/module/zswap/parameters/enabled ] || echo N > /sys/module/zswap/parameters/enabled
systemctl stop dev-zram0.swap systemd-zram-setup@zram0.service
systemctl daemon-reload
systemctl start dev-zram0.swap
# shellcheck disable=SC2086  # a list of plain words
apt-get -q -y --no-install-recommends install $packages
useradd --uid "$uid" --create-home --shell /usr/sbin/nologin "$user"
cp -r root/. /
update-ca-certificates
chown -R "$user:" "/home/$user"
systemctl daemon-reload
loginctl enable-linger "$user"
systemctl start "user@$uid.service"
mkdir -p /opt/xnai /var/lib/xnai/xnai/stack
chown -R "$user:" /var/lib/xnai/xnai
chmod 700 /var/lib/xnai/xnai
python3 -m venv /opt/xnai/podman-compose
/opt/xnai/podman-compose/bin/pip install --quiet --no-cache-dir --no-deps --require-hashes \
    --only-binary :all: --cert /etc/ssl/certs/ca-certificates.crt -r podman-compose.txt
cp -r build /var/lib/xnai/xnai/build
chown -R "$user:" /var/lib/xnai/xnai/build
for triple in $images; do
    name=${triple%%=*} rest=${triple#*=}
    target=${rest%%=*}
    set --
    [ "$target" = - ] || set -- --target "$target"
    xnai-podman build --tag "${rest#*=}" --label io.xnai.stack=xnai "$@" \
        --file "/var/lib/xnai/xnai/build/$name/Dockerfile" "/var/lib/xnai/xnai/build/$name"
done
value=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
for secret in $secrets; do
    case $secret in
        *_redis_auth_conf) printf 'requirepass %s\n' "$value" ;;
        *) printf %s "$value" ;;
    esac | xnai-podman secret create "$secret" -
done
for pair in $networks; do
    set --
    [ "${pair#*=}" = 0 ] || set -- --internal
    xnai-podman network create "$@" "${pair%%=*}"
done
for pair in $volumes; do
    owner=${pair#*=}
    xnai-podman volume create --opt "o=uid=${owner%:*},gid=${owner#*:}" "${pair%%=*}"
done
for pair in $projects; do
    xnai-podman compose -p "${pair%%=*}" -f "/var/lib/xnai/xnai/stack/${pair#*=}" \
        up --detach --no-build
done
systemctl --global enable xnai-stack.service
until [ "$(xnai-podman ps --filter health=healthy --quiet | wc -l)" = "$services" ]; do sleep 1; done
