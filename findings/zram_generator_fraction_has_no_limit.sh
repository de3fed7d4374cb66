#!/bin/sh
# systemd-zram-generator 1.1.2 (Debian 12) and 1.2.1 (Debian 13, sid): zram-fraction without the limit that its manual states.
#
# Expected: zram-generator.conf(5): max-zram-size= "sets the limit on the zram device's size obtained by
#   zram-fraction", "defaulted to 4096". So zram-fraction = 1 alone makes a device of 4096 MB on a machine of 16 GiB.
# Seen: 16384 MB: without max-zram-size there is no limit. Nor does `max-zram-size = none` in a later file end what an
#   earlier one began: zram-size stays overridden, and the device is half of RAM.
# Fails (exit 1) where that has changed.
#
# It only writes units, below a root of its own (ZRAM_GENERATOR_ROOT); no device is set up. As root it would log to the
# kernel's buffer, so it runs as nobody there.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get download -q systemd-zram-generator >/dev/null 2>&1
dpkg-deb -x systemd-zram-generator_*.deb it
echo "zram-generator $(dpkg-deb -f systemd-zram-generator_*.deb Version)"
program=$(find it -path '*/system-generators/zram-generator')
root=$folder/root
mkdir -p "$root/proc" "$root/etc/systemd/zram-generator.conf.d"
echo 'MemTotal:       16777216 kB' > "$root/proc/meminfo"
echo quiet > "$root/proc/cmdline"
printf '[zram0]\nzram-size = 8192\n' > "$root/etc/systemd/zram-generator.conf.d/90-last.conf"
as=
[ "$(id -u)" != 0 ] || as="setpriv --reuid nobody --regid nogroup --clear-groups"
made() {
    out=$(mktemp -d)
    chmod 777 "$out"
    $as env ZRAM_GENERATOR_ROOT="$root" "$program" "$out" 2>&1 | sed -n 's/.*Creating unit.*(\(.*\)).*/\1/p' | sort | xargs
    rm -rf "$out"
}
code=0
check() {
    printf '%s' "$2" > "$root/etc/systemd/zram-generator.conf.d/10-first.conf"
    found=$(made)
    echo "$1: $found"
    [ "$found" = "$3" ] || { echo "changed: seen before was $3"; code=1; }
}
check "zram-size = 8192 alone" "" "/dev/zram0 with 8192MB"
check "zram-fraction = 1 in a file before it" "[zram0]
zram-fraction = 1
" "/dev/zram0 with 16384MB"
check "the same with the limit that is said to be the default" "[zram0]
zram-fraction = 1
max-zram-size = 4096
" "/dev/zram0 with 4096MB"
printf '[zram0]\nmax-zram-size = none\nzram-size = 4096\n' > "$root/etc/systemd/zram-generator.conf.d/99-after.conf"
check "max-zram-size = 100 before, none and zram-size = 4096 after" "[zram0]
max-zram-size = 100
" "/dev/zram0 with 8192MB"
[ $code = 0 ] && echo "as seen before"
exit $code
