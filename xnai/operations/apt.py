"""Installing Debian packages where somebody else may hold apt's locks, or was cut off."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Generator, Sequence

from pyinfra.api.exceptions import OperationError
from pyinfra.api.facts import FactBase
from pyinfra.context import ctx_host, ctx_state

from xnai.operations.guard import failing_operation
from xnai.record.baseline import DIRECTORY, INSTALLED, INSTALLING
from xnai.remote.limit import FETCH_LIMIT_S, Limited

# Without the architecture's name, where it is the machine's own: apt prints it so.
LIST = (
    "dpkg-query -W -f='${db:Status-Status} ${binary:Package}\\n' | "
    "sed \"s/:$(dpkg --print-architecture)$//\""
)
LOCK_FILES = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
)
_POLL_S = 5


class AptLockHolder(FactBase[str | None]):
    """Who holds one of apt's locks, as `PID 812 (unattended-upgr), user root`, or None."""

    def command(self) -> str:
        """Return the command: the kernel's list of locks, joined with the lock files' inodes.

        fuser(1) and lsof(8) are not on every machine; /proc/locks is. Source: proc_locks(5).
        """
        files = " ".join(LOCK_FILES)
        return (
            f"for f in {files}; do i=$(stat -c %i $f 2>/dev/null) || continue; "
            "p=$(awk -v i=\":$i\" '$4==\"WRITE\" && index($6, i) == length($6)-length(i)+1 "
            "{print $5; exit}' /proc/locks); "
            '[ -n "$p" ] || continue; '
            'echo "PID $p ($(cat /proc/$p/comm 2>/dev/null)), '
            'user $(stat -c %U /proc/$p 2>/dev/null)"; break; done; true'
        )

    def process(self, output: list[str]) -> str | None:
        """Return the first line, if any."""
        return output[0] if output else None


def wait_for_lock(timeout_s: int) -> None:
    """Wait until nobody holds apt's locks on the current host, saying who does.

    Raises:
        OperationError: after `timeout_s` seconds, naming the holder.
    """
    host = ctx_host.get()
    deadline = time.monotonic() + timeout_s
    told = ""
    while holder := host.get_fact(AptLockHolder):
        if time.monotonic() >= deadline:
            raise OperationError(
                f"apt is locked by {holder} after {timeout_s} s of waiting. "
                "Let it finish or stop it, then run this again; nothing was installed by this step."
            )
        if holder != told:
            host.log(f"waiting for apt, locked by {holder} (at most {timeout_s} s)")
            told = holder
        time.sleep(_POLL_S)


def remember() -> str:
    """Return shell code that lists the packages before an installation."""
    return (
        f"umask 022; mkdir -p {DIRECTORY}; [ -e {INSTALLING} ] || "
        f"{{ {LIST} > {INSTALLING}.new && mv {INSTALLING}.new {INSTALLING}; }}"
    )


def note() -> str:
    """Return shell code that notes what came since `remember`, if it was."""
    return (
        f"[ ! -e {INSTALLING} ] || {{ umask 022; {LIST} | awk 'NR == FNR {{was[$2] = $1; next}} "
        '$1 == "installed" && was[$2] != "installed" '
        '{print $2, (was[$2] == "config-files" ? "remove" : "purge")}\' '
        f"{INSTALLING} - >> {INSTALLED} && rm {INSTALLING}; }}"
    )


@failing_operation
def install(
    packages: Sequence[str], lock_timeout_s: int = 300
) -> Generator[Limited, None, None]:
    """Install Debian packages without recommended ones; mend an interrupted dpkg first.

    What was installed, with what came with it, is noted for teardown.

    Args:
        packages: names of Debian packages, at least one, none of them installed.
        lock_timeout_s: how long to wait for another apt or dpkg, in seconds.

    Raises:
        OperationError: apt's locks were held for longer; the holder is named.
    """
    unusual = [name for name in packages if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name)]
    if unusual:
        raise OperationError(f"not names of Debian packages: {unusual}")
    if ctx_state.get().is_executing:
        wait_for_lock(lock_timeout_s)
    names = " ".join(shlex.quote(name) for name in packages)
    # A run killed inside dpkg leaves packages unpacked; apt refuses to go on before this.
    mend = "test -z \"$(dpkg --audit)\" || DEBIAN_FRONTEND=noninteractive dpkg --configure -a"
    install_them = (
        "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "
        "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "
        f"-o DPkg::Lock::Timeout={int(lock_timeout_s)} install {names}"
    )
    # The lists of an earlier step are good enough while they know the packages; fetching them
    # again is a third of the time of a small installation.
    # One command, noted also where it failed: what somebody installs before the next run is not
    # ours, and teardown must not take it away.
    yield Limited(
        f"{remember()} && {{ {mend}; }} && "
        f"{{ {install_them} || {{ apt-get -q update && {install_them}; }}; }}; "
        f"e=$?; {note()} && exit $e",
        limit_s=FETCH_LIMIT_S,
    )
