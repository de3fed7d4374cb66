"""What a machine is told of a run's lease: shell code that takes, renews and releases it."""

from __future__ import annotations

import shlex

from pyinfra.api.command import StringCommand

from xnai.remote.limit import Limited, limits_of

DIRECTORY = "/run/xnai"
LEASE = f"{DIRECTORY}/lease"
LOCK = f"{DIRECTORY}/lock"
# A run renews it every minute, except while pyinfra waits at its confirmation prompt.
ENDS_AFTER_S = 240
# EX_TEMPFAIL of sysexits(3); nothing that we run exits so.
LOST = 75

# `l_now`, `l_machine` and the lease's words; the shell's builtins alone: each command has it.
_READ = (
    "l_run=; l_boot=; l_end=0; l_who=; read -r l_machine < /proc/sys/kernel/random/boot_id; "
    "read -r l_now l_rest < /proc/uptime; l_now=${l_now%.*}; "
    f"[ ! -e {LEASE} ] || read -r l_run l_boot l_end l_who < {LEASE}"
)
# Root's alone by its mode: nobody else can open what is in it, and so nobody else can lock it.
MADE = f"[ -d {DIRECTORY} ] || mkdir -m 700 {DIRECTORY}"


def _of_another(run: str) -> str:
    """Shell code that is true if another run holds or held the lease since this boot."""
    return f'[ -n "$l_run" ] && [ "$l_run" != {run} ] && [ "$l_boot" = "$l_machine" ]'


def _write(run: str, who: str, for_s: int = ENDS_AFTER_S) -> str:
    """Shell code that renews this run's lease for `for_s` seconds; 0 releases it."""
    end = f"$((l_now+{for_s}))" if for_s else "0"
    words = f'{run} "$l_machine" {end} {shlex.quote(who)}'
    return (
        f"(umask 077; printf '%s %s %s %s\\n' {words} > {LEASE}.$$ && mv -f {LEASE}.$$ {LEASE})"
    )


def take(run: str, who: str, over: str = "") -> str:
    """Return shell code that takes the lease, and prints what came of it.

    `taken`; `held SECONDS RUN WHO`: another run holds it; `busy`: a command of another run holds
    the lock; `after WHO`, before `taken`: the lease of WHO was taken over, which had expired
    without being released or was that of the run `over`. A released lease has the expiry 0.

    Args:
        run: ID of this run.
        who: `Controller.words`: who runs this, where, and as which process.
        over: ID of a run that is known to be gone.
    """
    code = (
        f"{_READ}; if {_of_another(run)}; then "
        f'if [ "$l_end" -gt "$l_now" ] && [ "$l_run" != {over or "-"} ]; then '
        'echo "held $((l_end-l_now)) $l_run $l_who"; exit 0; fi; '
        '[ "$l_end" = 0 ] || echo "after $l_who"; fi; '
        f"{_write(run, who)} && echo taken"
    )
    return (
        f"{MADE}; umask 077; flock -n -E {LOST} {LOCK} sh -c {shlex.quote(code)}; e=$?; "
        f"[ $e != {LOST} ] || {{ echo busy; exit 0; }}; exit $e"
    )


def release(run: str, who: str) -> str:
    """Return shell code that gives the lease back where this run has it.

    The file is kept with the expiry 0, so that a run which lost the lease notices.

    Args:
        run: ID of this run.
        who: this controller's words.
    """
    return f'{_READ}; [ "$l_run" != {run} ] || {_write(run, who, 0)}'


def under_lease(command: StringCommand, run: str, who: str) -> StringCommand:
    """Wrap a command so that it runs only while this run holds the lease.

    The lease is renewed before the command, and again after one that took a minute or more. A
    command without root's rights, such as pyinfra's making of its helper for sudo, runs without
    the lease being looked at.

    Args:
        command: what to do.
        run: ID of this run.
        who: this controller's words.
    """
    lost = shlex.quote("this machine was taken over by another run, of ")
    renew = (
        f"{_READ}; if {_of_another(run)}; then "
        f'echo {lost}"${{l_who%% *}}: look at what it has done, then run this again" >&2; '
        f"exit {LOST}; fi; {_write(run, who)} || exit {LOST}"
    )
    limit_s, kill_after_s = limits_of(command)
    return Limited(
        StringCommand(
            f"[ ! -w {DIRECTORY} ] || {{ {renew}; l_began=$l_now; }}; (",
            command,
            f'\n); e=$?; [ -z "${{l_began-}}" ] || {{ {_READ}; '
            f'[ $((l_now-l_began)) -lt {ENDS_AFTER_S // 4} ] || [ "$l_run" != {run} ] || '
            f"{_write(run, who)}; }}; exit $e",
        ),
        limit_s=limit_s, kill_after_s=kill_after_s, **command.connector_arguments,
    )
