"""The parts of the probe's shell script; `probe.py` puts them together and says how they frame."""

from __future__ import annotations

FILE_BYTES_MAX = 1 << 20
"""Of a file that is read; it is text, with no more bytes than that."""

HELPERS = r"""
LC_ALL=C; export LC_ALL; PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
put() {
  k=$1; s=$2; shift 2
  case "$*" in
  *[!A-Za-z0-9._:/,+@=%\ -]*)
    printf 'xnai1\t%s\t%s\tb\t' "$k" "$s"; printf '%s\0' "$@" | base64 -w0; echo;;
  *) printf 'xnai1\t%s\t%s\tp' "$k" "$s"; [ $# -eq 0 ] || printf '\t%s' "$@"; echo;;
  esac
}
live() {
  # One grep for all: a process for each value costs more than all the rest on a slow machine.
  for f in "$@"; do
    if [ ! -e "$f" ]; then put live absent "$f"
    elif [ ! -r "$f" ]; then put live unreadable "$f"; fi
  done
  grep -Hs '' -- "$@" | blob livevalues
}
# A file of configuration is small; what is larger is none.
most=@MOST@
blob() { printf 'xnai1\t%s\tok\tb\t' "$1"; base64 -w0; echo; }
file() {
  l=$2; if [ -L "$2" ]; then l=$(readlink -f -- "$2"); fi
  if [ ! -e "$2" ]; then put "$1" absent "$2"; return 0; fi
  # A link to /dev/null is how a file is masked; of everything else only plain files are read.
  if [ ! -f "$2" ] && [ "$l" != /dev/null ]; then return 0; fi
  if [ ! -r "$2" ]; then put "$1" unreadable "$2"; return 0; fi
  # One that is too large is told by its next byte: asking for its size costs two processes.
  printf 'xnai1\t%s\tok\tf\t' "$1"
  { printf '%s\0%s\0' "$2" "$l"; exec head -c $((most+1)) -- "$2"; } | base64 -w0; echo
}
files() {
  if [ -e "$2" ] && [ ! -r "$2" ]; then put "$1" unreadable "$2"; return 0; fi
  for f in "$2"/*"$3"; do if [ -e "$f" ] || [ -L "$f" ]; then file "$1" "$f"; fi; done
}
line() {
  if [ ! -e "$2" ]; then put "$1" absent ""
  elif [ -r "$2" ] && v= && { IFS= read -r v < "$2" || [ -n "$v" ]; } 2>/dev/null; then
    put "$1" ok "$v"
  else put "$1" unreadable ""; fi
}
""".replace("@MOST@", str(FILE_BYTES_MAX))

STORES = r"""
graph() {
  if [ -f "$1" ] && [ -r "$1" ]; then
    timeout 5 head -c $most -- "$1" |
      sed -nE "s/^[[:space:]]*($2)[[:space:]]*=[[:space:]]*\"([^\"]*)\".*/\2/p" | head -n 1
  fi
}
# Where the system's file lets a user's Podman store, empty where it says nothing; with the words
# that Podman fills in itself (containers-storage.conf(5)). $1 user, $2 UID, $3 home.
rootless() {
  f=/etc/containers/storage.conf; if [ ! -f $f ]; then return 0; fi
  graph $f rootless_storage_path 2>/dev/null |
    sed -E "s#[$][{]?HOME[}]?#$3#g; s#[$][{]?USER[}]?#$1#g; s#[$][{]?UID[}]?#$2#g"
}
store() {
  if [ ! -d "$3" ]; then return 0; fi
  if [ ! -r "$3" ]; then put store unreadable "$1" "$2" "$3"; return 0; fi
  put store ok "$1" "$2" "$3"
  for c in "$3"/*-containers/containers.json; do
    if [ -f "$c" ]; then file "containers:$2" "$c"
    elif [ -e "$c" ]; then put "containers:$2" unreadable "$c"; fi
  done
  for c in "$3"/volumes/*; do if [ -d "$c" ]; then put "volume:$2" ok "${c##*/}" "$3"; fi; done
  for c in "$4"/*.json; do if [ -e "$c" ]; then put "network:$2" ok "${c##*/}" "$3"; fi; done
}
user_store() {
  g=$(graph "$3/.config/containers/storage.conf" 'graphroot|rootless_storage_path' 2>/dev/null)
  g=${g:-$(rootless "$1" "$2" "$3")}; g=${g:-$3/.local/share/containers/storage}
  store "$1" "$2" "$g" "$g/networks"; :
}
"""

PLATFORM = r"""
me=$(id -u); if [ "$me" = 0 ]; then n=root; else n=$(id -un); fi; put self ok "$me" "$n"
IFS=' ' read -r r m <<END
$(uname -rm)
END
put uname ok "$r" "$m"
file os-release /etc/os-release
if [ -d /run/systemd/system ]; then put pid1 ok systemd; else line pid1 /proc/1/comm; fi
if t=$(stat -f -c %T /sys/fs/cgroup 2>/dev/null); then put cgroup ok "$t"
else put cgroup absent; fi
line controllers /sys/fs/cgroup/cgroup.controllers
line container /run/systemd/container
file meminfo /proc/meminfo
file swaps /proc/swaps
line cmdline /proc/cmdline
line zswap /sys/module/zswap/parameters/enabled
m=/lib/modules/$r
# zram-control/hot_add is never read: reading it makes a new device.
if [ -d /sys/class/zram-control ] || [ -d /sys/module/zram ]; then put zram ok loaded
elif modinfo -F filename zram >/dev/null 2>&1; then put zram ok module
elif grep -qs '/zram\.ko' "$m/modules.dep" "$m/modules.builtin"; then put zram ok module
elif [ -f "$m/modules.dep" ] || [ ! -e /proc/modules ]; then put zram absent
else put zram unknown; fi
z=; for d in /sys/block/zram*; do if [ -d "$d" ]; then
  s=0; a=; IFS= read -r s < "$d/disksize"; IFS= read -r a < "$d/comp_algorithm"
  w=; while read -r b p x; do if [ "$b" = "/dev/${d##*/}" ]; then w=$p; break; fi; done \
    < /proc/mounts
  put zdev ok "${d##*/}" "$s" "$a" "$w"; z=$z${a# }
fi; done 2>/dev/null
c='CONFIG_(ZRAM|CRYPTO_(ZSTD|LZ4|LZ4HC|LZO|842|DEFLATE)([=]|$))'
# A device has said itself what it can.
if [ -n "$z" ]; then put kconfig skipped
elif [ -r "/boot/config-$r" ]; then grep -E "$c" "/boot/config-$r" | blob kconfig
elif [ -r /proc/config.gz ]; then zcat /proc/config.gz | grep -E "$c" | blob kconfig
else put kconfig absent; fi
"""

SOFTWARE = r"""
if command -v dpkg-query >/dev/null; then
  p=$(dpkg-query -W -f='${Package} ${db:Status-Status} ${Version}\n' @PACKAGES@ 2>/dev/null)
  printf '%s\n' "$p" | blob packages
else p=; put packages absent; fi
fresh=yes
case "$p" in
*"podman installed "*)
  v=${p#*podman installed }; put podman ok "${v%%[!A-Za-z0-9.:+~-]*}"; fresh=no;;
*) if command -v podman >/dev/null; then put podman ok "$(podman --version 2>/dev/null)"; fresh=no
  else
    put podman absent
    if command -v apt-cache >/dev/null; then
        # Without its caches: a machine that is refused must stay as it was, file by file.
        apt-cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= policy podman 2>/dev/null |
            blob candidate
    else put candidate absent; fi
  fi;;
esac
if q=$(command -v python3); then put python3 ok "$q"; else put python3 absent; fi
if [ -r /proc/locks ]; then
  put locks ok
  stat -c '%i %n' /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock \
    /var/cache/apt/archives/lock 2>/dev/null |
  while read -r i l; do
    while read -r a b c d p e g; do
      case "$e" in *:"$i")
        # Inode numbers repeat across file systems: the holder must really have this file open.
        for x in /proc/"$p"/fd/*; do
          if [ "$x" -ef "$l" ]; then
            n=; read -r n < "/proc/$p/comm"; put lock ok "$l" "$p" "$n"; break
          fi
        done;;
      esac
    done < /proc/locks
  done
else put locks unreadable; fi
"""

CONFIGURATION = r"""
if [ -e @RECORD@ ]; then
  n=; while read -r l; do case $l in '"name": "'*) n=${l#*: \"}; n=${n%%\"*};; esac; done \
    2>/dev/null < @RECORD@
  put before ok "$n"
else put before absent; fi
put deployedstacks ok
for d in @STATE@/*/stack; do if [ -d "$d" ]; then
  d=${d%/stack}; put deployed ok "${d##*/}"
fi; done
put sysctldirs ok
for d in /etc /run /usr/local/lib /usr/lib; do files sysctl "$d/sysctl.d" .conf; done
if [ ! -L /lib ]; then files sysctl /lib/sysctl.d .conf; fi
file sysctl /etc/sysctl.conf
put elsewheredirs ok
# Those that may set ours, and what masks them by the same name in a directory that counts more.
elsewhere() {
  a=$1; b=$2; c=$3
  set --
  for d in /etc /run /usr/local/lib /usr/lib; do
    # Plain files alone: a pipe would keep its reader waiting for ever.
    for f in "$d/$a"/*"$b"; do if [ -f "$f" ]; then set -- "$@" "$f"; fi; done
  done
  if [ $# = 0 ]; then return 0; fi
  for f in $(timeout 10 grep -lsE "$c" -- "$@"); do
    for m in /etc /run /usr/local/lib /usr/lib; do
      n=$m/$a/${f##*/}; if [ -e "$n" ] || [ -L "$n" ]; then file elsewhere "$n"; fi
    done
  done
}
elsewhere tmpfiles.d .conf '/proc/sys/vm'
elsewhere udev/rules.d .rules 'SYSCTL[{]vm|KERNEL *== *"[^"]*zram'
put zramdirs ok
for d in /etc /run /usr/local/lib /usr/lib; do
  file zramconf "$d/systemd/zram-generator.conf"
  files zramconf "$d/systemd/zram-generator.conf.d" .conf
done
"""

USERS = r"""
IFS=: read -r n x su g g sh x <<END
$(getent passwd @USER@)
END
if [ -n "$su" ]; then put stackuser ok "$su" "$sh"; else put stackuser absent; fi
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null; then
  set -- @UNITS@; if [ -n "$su" ]; then set -- "$@" "user-$su.slice" "user@$su.service"; fi
  # One that fails or hangs is not one that has no units.
  if o=$(timeout 5 systemctl show -p @PROPERTIES@ -- "$@" 2>/dev/null); then
    printf '%s\n' "$o" | blob units
  else put units failed; fi
else put units absent; fi
put stores ok
g=$(graph /etc/containers/storage.conf graphroot)
store root 0 "${g:-/var/lib/containers/storage}" /etc/containers/networks
while IFS=: read -r n x u i x h x; do
  case "$u" in ''|*[!0-9]*) continue;; esac
  if [ "$u" = 0 ] || { [ "$u" -ge 1000 ] && [ "$u" -le 60000 ]; }; then
    # With that user's rights: what lies there is that user's, and may be a link to anything.
    if [ "$me" != 0 ] || [ "$u" = 0 ]; then user_store "$n" "$u" "$h"
    elif [ -d "$h" ] && command -v setpriv >/dev/null; then
      # Through a file of root's: whoever keeps a pipe open would keep its reader waiting. And what
      # that user says is of its own store alone.
      if b=$(mktemp) && (cd / && timeout 20 setpriv --reuid "$u" --regid "$i" --clear-groups \
        sh -c "$helpers$stores"'user_store "$@"' sh "$n" "$u" "$h" </dev/null >"$b"); then
        sed -nE "s/^xnai1\tstore\t/xnai1\tstore:$u\t/p
          /^xnai1\t(containers|volume|network):$u\t/p" "$b"
      else put store unreadable "$n" "$u" "$h"; fi
      rm -f "$b"
    fi
  fi
done <<END
$(getent passwd)
END
"""

SPACE = r"""
space() {
  # "~/" is the stack user's home, or where it will be made.
  case "$1" in
  "~/.local/share/containers/storage")
    e=$(rootless @USER@ "$su" "${sh:-/home}"); e=${e:-${sh:-/home}/${1#??}};;
  "~/"*) e=${sh:-/home}/${1#??};;
  *) e=$1;;
  esac
  while [ ! -e "$e" ] && [ -n "${e%/*}" ]; do e=${e%/*}; done; if [ ! -e "$e" ]; then e=/; fi
  if d=$(df -B1 --output=source,avail,iavail,itotal,fstype,target -- "$e" 2>/dev/null); then
    put space ok "$1" "$e" "$(stat -c %d -- "$e")" "${d#*
}"
  else put space failed "$1" "$e"; fi
}
"""

NAMED = r"""
named() {
  if [ -d "$1" ]; then t=directory; else t=file; fi
  # A file is read inside a container, by a user whom the host does not know; and a user that does
  # not exist yet will have no more rights than nobody either.
  n=@USER@; [ $t = directory ] || n=nobody; id -u -- "$n" >/dev/null 2>&1 || n=nobody
  if [ ! -e "$1" ]; then put named absent "$1" "$t"
  elif [ "$me" != 0 ] || ! command -v setpriv >/dev/null; then put named unknown "$1" "$t"
  elif setpriv --reuid "$n" --regid "$(id -g -- "$n")" --init-groups \
    sh -c 'test -r "$1" && { [ ! -d "$1" ] || test -x "$1"; }' sh "$1" 2>/dev/null
  then put named ok "$1" "$t" "$(stat -L -c %s -- "$1")"
  else put named unreadable "$1" "$t"; fi
}
"""

OWN_PATHS = r"""
put owns ok
own() {
  f=$2
  case "$f" in *"{uid}"*) [ -n "$su" ] || return 0; f=${f%%"{uid}"*}$su${f#*"{uid}"};; esac
  if [ -L "$f" ]; then put own ok "$f" "$1" link "$(readlink -- "$f")"
  elif [ "$1" = directory ] && [ -d "$f" ]; then :
  elif [ "$1" = file ] && [ -f "$f" ]; then :
  elif [ -e "$f" ]; then put own ok "$f" "$1" "$(stat -c %F -- "$f")"; fi
}
"""

URL = r"""
url() {
  w=failed; m=; o=
  # In this child alone: the proxy's address may have a password.
  eval "$exports"
  if command -v curl >/dev/null; then
    m=curl; o=$(curl -sS -o /dev/null -m 10 -w '%{http_code}' -- "$1" 2>&1) && w=ok
  elif command -v wget >/dev/null; then
    m=wget; o=$(wget -q --spider -T 10 -t 1 -- "$1" 2>&1); c=$?; o="exit code $c $o"
    # 8: the server answered with an error, so it was reached.
    if [ $c = 0 ] || [ $c = 8 ]; then w=ok; fi
  elif command -v python3 >/dev/null; then
    m=python3; o=$(python3 -c 'import sys,urllib.request as u,urllib.error as e
try: u.urlopen(sys.argv[1],timeout=10)
except e.HTTPError: pass
except Exception as x: sys.exit(str(x))' "$1" 2>&1) && w=ok
  elif command -v bash >/dev/null; then
    m=/dev/tcp; o=$(timeout 10 bash -c ': </dev/tcp/"$0"/"$1"' "$2" "$3" 2>&1) && w=ok
  elif o=$(timeout 10 getent hosts "$2"); then m=getent; w=unknown
  else m=getent; o="name not resolved"; fi
  o=$(put url "$w" "$1" "$m" "$o"); printf '%s\n' "$o"
}
"""
