"""Taking a stack, and what it needed of the machine, down again."""

from __future__ import annotations

import hashlib
import io
import shlex
from collections.abc import Callable, Generator, Mapping, Sequence

from pyinfra.api.command import FileUploadCommand, StringCommand
from pyinfra.api.exceptions import OperationError
from pyinfra.api.operation import operation
from pyinfra.context import ctx_state

from xnai.before import BYTES_OF, DIRECTORY, INSTALLED, OldFile, OldZram
from xnai.facts.memory import ZRAM_SWAP, MemoryFacts
from xnai.facts.podman import XNAI_PODMAN
from xnai.operations import apt
from xnai.operations.guard import failing_operation, one_at_a_time
from xnai.operations.zram import HEADROOM_MIB, missing_mib
from xnai.pyinfra_ext import LiveCommand


@operation()
def podman(
    containers: Sequence[str],
    networks: Sequence[str],
    images: Sequence[str],
    volumes: Sequence[str],
    secrets: Sequence[str],
    label: str,
) -> Generator[str, None, None]:
    """Remove what a stack has in the stack user's Podman.

    Args:
        containers: names; stopped first.
        networks: names.
        images: names; one that something else uses stays.
        volumes: names, with the data in them.
        secrets: names.
        label: of the stack's images, of which those without a name are removed too.
    """
    def words(names: Sequence[str]) -> str:
        return " ".join(map(shlex.quote, names))

    if containers:
        yield one_at_a_time(f"{XNAI_PODMAN} rm --force --ignore --time 30 {words(containers)}")
    if networks:
        yield one_at_a_time(f"{XNAI_PODMAN} network rm --force {words(networks)} >/dev/null")
    if volumes:
        yield one_at_a_time(f"{XNAI_PODMAN} volume rm --force {words(volumes)} >/dev/null")
    if secrets:
        yield one_at_a_time(f"{XNAI_PODMAN} secret rm --ignore {words(secrets)} >/dev/null")
    if images:
        # 2 is podman-rmi(1)'s word for "in use". What built images were made of goes with them.
        yield one_at_a_time(
            f"{{ {XNAI_PODMAN} rmi --ignore {words(images)} || [ $? = 2 ]; }} >/dev/null && "
            f"{XNAI_PODMAN} image prune --force --filter {shlex.quote(f'label={label}')} >/dev/null"
        )


@operation()
def stop_user(user: str, uid: int, sessions: int) -> Generator[str, None, None]:
    """Let the stack's user linger no more; stop its manager where it is not logged in.

    Args:
        user: its name.
        uid: its UID.
        sessions: number of its logins.
    """
    yield f"loginctl disable-linger {shlex.quote(user)}"
    if not sessions:
        yield f"systemctl stop user@{uid}.service"


@operation()
def remove_user(user: str, uid: int, empty: Sequence[str]) -> Generator[str, None, None]:
    """Remove a user with all that it has: processes, home, subordinate IDs.

    Args:
        user: its name.
        uid: its UID.
        empty: files that go as well where nothing is left in them.
    """
    quoted = shlex.quote(user)
    yield f"loginctl disable-linger {quoted} || :; systemctl stop user-{uid}.slice || :"
    # What left its session's cgroup, by the UID that is about to be nobody's.
    yield (
        f"pkill -KILL -u {uid}; i=0; while pgrep -u {uid} >/dev/null && [ $i -lt 100 ]; do "
        "i=$((i+1)); sleep 0.1; done"
    )
    # A killed run's may be at work, or done by now.
    yield one_at_a_time(f"! id -u {quoted} >/dev/null 2>&1 || userdel --remove {quoted}")
    if empty:
        yield f"for f in {shlex.join(empty)}; do [ -s \"$f\" ] || rm -f \"$f\"; done"


@operation()
def subordinate_ids(
    user: str, uids: Sequence[str], gids: Sequence[str]
) -> Generator[str, None, None]:
    """Take ranges of subordinate IDs away from a user that stays.

    Args:
        user: its name.
        uids: lines of /etc/subuid.
        gids: lines of /etc/subgid.
    """
    for option, lines in (("--del-subuids", uids), ("--del-subgids", gids)):
        for line in lines:
            _, first, count = line.split(":")
            last = int(first) + int(count) - 1
            yield f"usermod {option} {int(first)}-{last} {shlex.quote(user)}"


@operation()
def home_files(
    user: str, paths: Sequence[str], directories: Sequence[str]
) -> Generator[str, None, None]:
    """Remove files in a user's home with no more rights than that user has.

    Args:
        user: its name.
        paths: the files, absolute.
        directories: that go as well where nothing is left in them, the deepest first.
    """
    code = f"rm -f {shlex.join(paths)}; {without_empty(directories)}"
    yield f"cd / && runuser -u {shlex.quote(user)} -- sh -c {shlex.quote(code)}"


@operation()
def put_back(
    path: str, old: OldFile, user: str = "root"
) -> Generator[FileUploadCommand | str, None, None]:
    """Put a file back that ours had replaced.

    Args:
        path: where, absolute.
        old: what it was.
        user: who writes it.
    """
    upload = f"{DIRECTORY}/{hashlib.sha256(path.encode()).hexdigest()[:16]}.old"
    yield FileUploadCommand(io.BytesIO(old.content), upload)
    words = ["install", "-T", "-m", old.mode]
    if user == "root":
        words += ["-o", old.owner, "-g", old.group]
    done = shlex.join([*words, upload, path])
    if user != "root":
        done = f"chmod 644 {upload} && runuser -u {shlex.quote(user)} -- {done}"
    yield f"cd / && {done}; e=$?; rm -f {upload}; exit $e"


def without_empty(directories: Sequence[str]) -> str:
    """Return shell code that removes those of the directories that are empty, in this order."""
    if not directories:
        return ":"
    return (
        f"for d in {shlex.join(directories)}; do "
        '[ ! -d "$d" ] || rmdir --ignore-fail-on-non-empty "$d"; done'
    )


def to_set(recorded: Mapping[str, str], live: Mapping[str, str]) -> dict[str, str]:
    """Return the sysctls that are not as they were, with the values to set.

    Args:
        recorded: key -> value as it was.
        live: key -> value now.
    """
    found = {key: value for key, value in recorded.items() if live.get(key, value) != value}
    for ratio, in_bytes in BYTES_OF.items():
        # Of the two only one is in force, the other one reads 0; setting 0 is refused or wrong.
        if ratio in recorded and recorded.get(in_bytes, "0") != "0":
            if ratio in found:
                found[in_bytes] = recorded[in_bytes]
            found.pop(ratio, None)
        else:
            found.pop(in_bytes, None)
    return found


@operation()
def sysctls(values: Mapping[str, str]) -> Generator[str, None, None]:
    """Set sysctls of the running kernel.

    Args:
        values: key -> value.
    """
    for key, value in values.items():
        path = "/proc/sys/" + key.replace(".", "/")
        yield f"printf '%s\\n' {shlex.quote(value)} > {shlex.quote(path)}"


@operation()
def back(paths: Mapping[str, str]) -> Generator[str, None, None]:
    """Rename files that were set aside to what they were called, where nothing is there now.

    Args:
        paths: present path -> former path.
    """
    for aside, path in paths.items():
        yield (
            f"if [ -e {shlex.quote(path)} ]; then echo "
            f"{shlex.quote(f'{aside} stays: there is a {path} again')}; "
            f"else mv --no-clobber {shlex.quote(aside)} {shlex.quote(path)}; fi"
        )


def lacking(facts: MemoryFacts, stack_mib: int) -> str:
    """Return in words why zram0 cannot be emptied now; empty if it can.

    Args:
        facts: as read.
        stack_mib: what of the swap belongs to containers that will be gone.
    """
    swapped = max(0, facts.zram.swap_used_mib - stack_mib)
    if not swapped or facts.available_mib >= swapped + HEADROOM_MIB:
        return ""
    return (
        f"{swapped} MiB of other programs are swapped out to zram0, {facts.available_mib} MiB are "
        f"available, {swapped + HEADROOM_MIB} MiB are needed ({HEADROOM_MIB} MiB of headroom). "
        "Close programs and run this again"
    )


@failing_operation
def zram(
    read: Callable[[], MemoryFacts | None],
    conf: str,
    former: OldZram | None,
    device_before: bool,
) -> Generator[str, None, None]:
    """Empty and reset zram0, remove our configuration, and set up what was there before.

    Args:
        read: reads the memory facts anew; what is swapped may have grown since the plan.
        conf: our configuration's path.
        former: what was there; None where that is not known, or nothing.
        device_before: whether there was a device zram0.

    Raises:
        OperationError: what is swapped does not fit into RAM; nothing of it was changed.
    """
    if ctx_state.get().is_executing:
        facts = read()
        if facts is None:
            raise OperationError("could not read /proc/meminfo and /proc/swaps; zram0 untouched")
        if missing_mib(facts):
            raise OperationError(f"zram0 is left as it is: {lacking(facts, 0)}.")
    # A unit that is not loaded cannot be stopped; what follows fails if anything is in the way.
    yield "systemctl stop dev-zram0.swap systemd-zram-setup@zram0.service || :"
    yield (
        f"! grep -q '^{ZRAM_SWAP} ' /proc/swaps || swapoff {ZRAM_SWAP}; "
        "! [ -e /sys/block/zram0/reset ] || echo 1 > /sys/block/zram0/reset"
    )
    yield f"rm -f {conf} && systemctl daemon-reload"
    yield "systemctl reset-failed dev-zram0.swap systemd-zram-setup@zram0.service || :"
    if former and former.swap_active:
        if former.generator:
            yield "systemctl start dev-zram0.swap"
        else:
            yield (
                "modprobe zram || :; "
                f"echo {shlex.quote(former.algorithm)} > /sys/block/zram0/comp_algorithm && "
                f"echo {former.disksize_mib}M > /sys/block/zram0/disksize && "
                f"mkswap {ZRAM_SWAP} >/dev/null && swapon -p {former.priority} {ZRAM_SWAP}"
            )
    elif not device_before:
        # Built into the kernel it cannot be unloaded, and stays.
        yield "modprobe -r zram || echo 'the kernel keeps its module zram until a reboot'"


def packages_script() -> str:
    """Return the shell code that takes away the packages that are noted as installed by us.

    apt itself says which of them nothing else depends on; what somebody installed since keeps
    those that it needs. Only what is noted is ever removed: where apt would remove anything
    else, nothing is.
    """
    dependencies = (
        "-o APT::AutoRemove::RecommendsImportant=false "
        "-o APT::AutoRemove::SuggestsImportant=false"
    )
    return f"""
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
test -z "$(dpkg --audit)" || dpkg --configure -a
{apt.note()}
[ -e {INSTALLED} ] || exit 0
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT
cut -d' ' -f1 {INSTALLED} | sort -u > "$t/noted"
{apt.LIST} > "$t/all"
awk '$1 == "installed" {{print $2}}' "$t/all" | sort | comm -12 - "$t/noted" > "$t/there"
awk '$1 == "config-files" {{print $2}}' "$t/all" | sort | comm -12 - "$t/noted" > "$t/rest"
if [ -s "$t/there" ]; then
  xargs apt-mark auto < "$t/there" > /dev/null
  apt-get -s {dependencies} autoremove | awk '$1 == "Remv" {{print $2}}' | sort > "$t/free"
  comm -12 "$t/free" "$t/there" > "$t/go"
  comm -13 "$t/free" "$t/there" > "$t/stay"
  [ ! -s "$t/stay" ] || echo "packages that stay, since others need them: $(xargs < "$t/stay")"
  if [ -s "$t/go" ]; then
    xargs apt-get -s {dependencies} remove < "$t/go" |
      awk '$1 == "Remv" || $1 == "Purg" || $1 == "Inst" {{print $2}}' | sort -u > "$t/would"
    if ! cmp -s "$t/would" "$t/go"; then
      echo "apt would remove or install more than what was installed for the stack:" \\
        "$(comm -23 "$t/would" "$t/go" | xargs). No package was removed. Look:" \\
        "apt-get -s remove $(xargs < "$t/go")" >&2
      exit 1
    fi
    echo "removing $(wc -l < "$t/go") packages"
    xargs apt-get -q -y -o DPkg::Lock::Timeout=300 {dependencies} remove < "$t/go" \\
      > "$t/log" 2>&1 || {{ tail -n 15 "$t/log" >&2; exit 1; }}
    cat "$t/go" >> "$t/rest"
  fi
fi
sort -u "$t/rest" | while read -r p; do
  ! grep -qx "$p remove" {INSTALLED} || continue
  echo "$p"
done > "$t/purge"
[ ! -s "$t/purge" ] || xargs dpkg --purge < "$t/purge" > "$t/log" 2>&1 ||
  {{ tail -n 15 "$t/log" >&2; exit 1; }}
rm {INSTALLED}
"""


@failing_operation
def packages(lock_timeout_s: int = 300) -> Generator[StringCommand, None, None]:
    """Remove the packages that were installed by us, with what came with them.

    Args:
        lock_timeout_s: how long to wait for another apt or dpkg, in seconds.

    Raises:
        OperationError: apt's locks were held for longer; the holder is named.
    """
    if ctx_state.get().is_executing:
        apt.wait_for_lock(lock_timeout_s)
    yield LiveCommand(one_at_a_time(packages_script()))
