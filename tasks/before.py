"""What the machine was before the first change, recorded once: teardown puts it back."""

import dataclasses
from collections.abc import Sequence
from pathlib import PurePosixPath

from pyinfra import host

from tasks import preflight
from xnai.facts.containers import CA_DIRECTORY
from xnai.facts.machine.config_files import HEADER, is_ours
from xnai.facts.memory import Memory, MemoryFacts
from xnai.facts.record import BeforeState
from xnai.machine import files as machine_files
from xnai.memory import files as memory_files
from xnai.memory.sysctl_files import assignments, normalise
from xnai.operations import record
from xnai.preflight.sysctl_rivals import OUR_PATH
from xnai.record.baseline import (
    BYTES_OF,
    DIRECTORY,
    KEPT,
    RECORD,
    Before,
    DamagedRecord,
    OldZram,
    parse,
)
from xnai.run.context import current
from xnai.run.pyinfra import fail_host
from xnai.settings.model import Settings
from xnai.stack import paths
from xnai.stack.paths import unit

# Of which it is told whether they were there, beside the directories above our files.
ALSO = (
    "/etc/subuid", "/etc/subgid", "/opt/xnai", paths.COMPOSE, DIRECTORY, "/sys/block/zram0",
    # A certificate may be named by later settings.
    CA_DIRECTORY, str(PurePosixPath(CA_DIRECTORY).parent),
)


def apply() -> None:
    """Declare the record where there is none, or where later settings name further sysctls.

    A machine that was provisioned before there were records has our files and none of what was
    there before them: nothing is recorded, and teardown says so.
    """
    settings = current()
    seen = preflight.look(settings)
    ours = next((f for f in seen.sysctl_files or () if f.path == OUR_PATH and is_ours(f)), None)
    if seen.before.state == "ok":
        if seen.before.text not in ("", settings.stack_user):
            fail_host(other_user(settings, seen.before.text))
        named = {line.key for line in assignments(ours)} if ours else set()
        keys = [key for key in settings.sysctls if normalise(key) not in named]
        if ours and keys:
            _add(settings, keys)
    elif ours is None:
        _write(settings)


def files(settings: Settings) -> list[str]:
    """Return the paths of all of root's files that a deploy may write, where they are known."""
    return [path for path in paths.files(settings) if "{uid}" not in path]


def above_files(settings: Settings) -> list[str]:
    """Return the directories above root's files, the deepest first."""
    wants = f"/etc/systemd/user/default.target.wants/{unit(settings)}"
    return above([*files(settings), wants])


def above(paths: Sequence[str]) -> list[str]:
    """Return the directories above files, the deepest first, without the root."""
    found = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return sorted(found - {"/", "."}, key=lambda path: (-path.count("/"), path))


def _write(settings: Settings) -> None:
    home_files = list(machine_files.home_texts(settings))
    facts = host.get_fact(
        BeforeState, user=settings.stack_user, files=files(settings), home_files=home_files,
        existing=[*above_files(settings), *ALSO], home_existing=above(home_files),
    )
    live = _memory(list(settings.sysctls))
    if facts is None or live is None:
        fail_host("could not read what this machine is (getent, stat, base64). Nothing was changed")
    if facts.record is not None or paths.COMPOSE in facts.existing or any(
        HEADER.encode() in file.content for file in facts.files.values()
    ):
        return  # another run's, or a machine from before there were records
    baseline = Before(
        sysctls=live.sysctls,
        zswap=live.zswap_enabled,
        zram=OldZram(
            generator=memory_files.PACKAGE in live.packages,
            swap_active=live.zram.swap_active,
            disksize_mib=live.zram.disksize_mib,
            algorithm=live.zram.algorithm,
            priority=live.zram.swap_priority,
        ),
        user=dataclasses.replace(facts.user, name=settings.stack_user),
        files=facts.files,
        existing=facts.existing,
    )
    if facts.kept is not None:
        kept = parsed(KEPT, facts.kept)
        if kept.user.name != settings.stack_user:
            fail_host(other_kept(settings, kept.user.name, host.name))
        # One that somebody removed by hand is recreated, and all is as on a first run.
        if facts.user.existed and facts.home:
            baseline = baseline.with_kept(kept, facts.home)
    record.write(
        name=f"before: record in {RECORD} what this machine is, for teardown",
        text=baseline.text(),
    )


def _add(settings: Settings, keys: Sequence[str]) -> None:
    facts = host.get_fact(
        BeforeState, user=settings.stack_user, files=[], home_files=[], existing=[],
        home_existing=[],
    )
    live = _memory(keys)
    if facts is None or facts.record is None or live is None:
        fail_host(f"could not read {RECORD}. Nothing was changed.")
    baseline = parsed(RECORD, facts.record)
    added = {key: value for key, value in live.sysctls.items() if key not in baseline.sysctls}
    if added:
        record.write(
            name=f"before: record what {', '.join(added)} is, for teardown",
            text=baseline.with_sysctls(added).text(), over=True,
        )


def _memory(keys: Sequence[str]) -> MemoryFacts | None:
    return host.get_fact(
        Memory, packages=[memory_files.PACKAGE], paths=[],
        keys=[*keys, *(BYTES_OF[key] for key in keys if key in BYTES_OF)],
    )


def parsed(path: str, content: bytes) -> Before:
    """Return the record with this content, or fail the host, before any change."""
    try:
        return parse(content)
    except DamagedRecord as damaged:
        fail_host(damage(path, damaged))


def damage(path: str, damaged: DamagedRecord) -> str:
    """Return an error's text for a record that cannot be read."""
    return (
        f"the record of what this machine was before ({path}) is damaged: {damaged}. Put it back "
        f"from a backup of the machine; or move it away (mv {path} /root/), and what was there "
        "before cannot be put back. Nothing was changed."
    )


def other_user(settings: Settings, recorded: str) -> str:
    """Return an error's text for a record of another user: no teardown could be of both."""
    return (
        f"stack_user is {settings.stack_user!r}, and this machine was begun with {recorded!r} "
        f"({RECORD}): set stack_user = {recorded!r}, or None if that is the default; or take down "
        f"first what there is: pyinfra inventory.py tasks/teardown.py --data stack_user={recorded}."
        " Nothing was changed."
    )


def other_kept(settings: Settings, kept: str, name: str) -> str:
    """Return an error's text for kept data of another user."""
    return (
        f"stack_user is {settings.stack_user!r}, and a teardown has kept data of {kept!r} ({KEPT})"
        f": set stack_user = {kept!r}, or None if that is the default; or remove them first: "
        f"pyinfra inventory.py tasks/teardown.py --data stack_user={kept} --data purge={name}; or "
        f"leave them, and that user, for good: sudo rm {KEPT}. Nothing was changed."
    )
