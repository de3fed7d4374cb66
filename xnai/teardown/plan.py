"""From what there is, and the record of what was, to what teardown removes and puts back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from xnai.facts.containers import CA_DIRECTORY
from xnai.facts.machine.config_files import SET_ASIDE_SUFFIX
from xnai.facts.podman_call import XNAI_PODMAN, PodmanUnknown
from xnai.facts.sampler import PROGRAM, UNIT_FILE
from xnai.facts.teardown import Kept
from xnai.operations.image import cache_directories
from xnai.operations.memory_back import lacking, to_set
from xnai.preflight.zram_rivals import OUR_PATH as ZRAM_CONF
from xnai.record.baseline import DIRECTORY
from xnai.settings.model import Settings
from xnai.stack.catalogue import secret_forms, services
from xnai.stack.paths import restore_marker, unit_file
from xnai.teardown.model import BACKUP, ROTATION, Found, Plan
from xnai.teardown.notes import notes


def refusals(found: Found) -> list[str]:
    """Return why nothing may be changed, a sentence each; empty if all is well."""
    settings, remains = found.settings, found.remains
    user = settings.stack_user
    said = []
    recorded = found.old_user.user.name if found.old_user else user
    for name, where in ((remains.wrapper_user, XNAI_PODMAN), (recorded, "the record")):
        if name not in ("", user):
            said.append(
                f"{where} belongs to a stack of {name}, stack_user is {user!r}: set stack_user = "
                f"{name!r}, or None if that is the default."
            )
    if isinstance(remains.store, PodmanUnknown):
        said.append(
            f"Podman of {user} does not answer, so what is there cannot be told. Look: sudo "
            "xnai-podman ps; pyinfra inventory.py deploy.py puts it right."
        )
    if (
        found.purge and found.volumes and remains.store is None and remains.account
        and not _user_goes(found)
    ):
        why = (
            "that is not known to have been made for the stack" if not found.made_user
            else f"whose store holds {', '.join(found.strangers)} as well" if found.strangers
            else f"which {', '.join(found.others)} needs"
        )
        said.append(
            f"volumes {', '.join(found.volumes)} are in the store of {user}, a user {why}, "
            "and there is no Podman to remove them with. "
            "Deploy, then purge; or remove their directories below "
            f"{remains.account.home}/.local/share/containers/storage/volumes by hand."
        )
    mark = PurePosixPath(restore_marker(settings))
    if not found.purge and mark.name in (remains.in_directory or ()):
        said.append(
            f"a restore was begun and not finished ({mark}), so the data that would be kept are "
            f"neither those of before nor the archive's. The file says which archive it was, and "
            f"where what was there before is kept (sudo cat {mark}): pyinfra inventory.py "
            "tasks/restore.py --data restore_from=PATH, of either; or remove all data: "
            f"--data purge={found.host}."
        )
    stack_mib = found.store.swap_mib if found.store else 0
    if found.shared and _zram_goes(found) and (short := lacking(found.memory, stack_mib)):
        said.append(f"zram0 could not be emptied: {short}.")
    return said


def plan(found: Found) -> Plan:
    """Return what is to be done."""
    here = _own(found)
    if found.shared:
        here = _shared(found, here)
    return replace(here, notes=tuple(notes(found, here)))


def _own(found: Found) -> Plan:
    """What is this stack's alone."""
    settings, remains, store = found.settings, found.remains, found.store
    here = Plan(
        unit=remains.enabled or bool(remains.files.get(unit_file(settings))),
        kept_volumes=() if found.purge else found.volumes,
        names=tuple(
            name for name in remains.in_directory or ()
            if not _of_backups(name, settings) and (found.purge or name != ROTATION)
        ),
    )
    return _of_store(found, here, store) if store else here


def _of_store(found: Found, here: Plan, store: Kept) -> Plan:
    """With what goes out of the store of the stack's user."""
    settings = found.settings
    order = [service.container_name for service in services(settings)]
    pulled = {service.image for service in services(settings)} | {settings.base_image}
    here = replace(
        here,
        containers=tuple(sorted(
            store.containers,
            key=lambda name: -order.index(name) if name in order else -len(order),
        )),
        networks=store.networks,
        images=tuple(
            name for image in store.images for name in image.names
            if image.labels.get("io.xnai.stack") == settings.stack_name
            # In a store that was made for stacks nobody else asked for them.
            or (found.made_user and found.shared and name in pulled)
        ),
    )
    if not found.purge:
        return here
    forms = {name for form in secret_forms(settings) for name in form}
    return replace(
        here,
        volumes=found.volumes,
        secrets=tuple(
            name for name, stack in store.secrets.items()
            if stack == settings.stack_name or (not stack and name in forms)
        ),
    )


def _of_backups(name: str, settings: Settings) -> bool:
    """Whether a name in the stack's directory is, or has in it, archives of backups."""
    here = PurePosixPath(DIRECTORY, settings.stack_name)
    chosen = PurePosixPath(settings.backup_dir or here / BACKUP)
    return (
        name == BACKUP or chosen.is_relative_to(here / name)
        or (chosen == here and name.startswith(f"{settings.stack_name}-"))
    )


def _shared(found: Found, here: Plan) -> Plan:
    """With what all stacks of the machine share; there is none left."""
    settings, remains, record = found.settings, found.remains, found.record
    account = remains.account
    removed = _user_goes(found)
    home = f"{account.home}/" if account else "/nonexistent/"
    old_files = record.files if record else {}
    ours = [path for path, is_ours in remains.files.items() if is_ours]
    apart = {ZRAM_CONF, UNIT_FILE, unit_file(settings)}
    # The user of data that are kept, be they another stack's, is still to go one day.
    stays = bool(account) and not removed and (not found.purge or bool(found.strangers))
    here = replace(
        here,
        home_files=() if removed else tuple(p for p in ours if p.startswith(home)),
        files=tuple(
            path for path in ours
            if not path.startswith((home, CA_DIRECTORY)) and path not in apart
        ),
        certificates=tuple(path for path in ours if path.startswith(CA_DIRECTORY)),
        directories=_directories(found, [p for p in ours if not p.startswith(home)]),
        linger=bool(
            account and account.lingering and not removed
            # An earlier teardown, which left `former`, has ended it; who switched it on since?
            and not (found.former and not record)
            and (not record.user.lingering if record else not settings.stack_user_explicit)
        ),
        put_back={
            path: old for path, old in old_files.items()
            if remains.files.get(path) is not False
            # What was in the home of a user that is gone by now is no business of root's.
            and path.startswith(("/etc/", "/usr/", home))
            and not (removed and path.startswith(home))
        },
        # Where one name was set aside several times, the last one first: it was in force.
        set_aside={
            path: path.partition(SET_ASIDE_SUFFIX)[0]
            for path in sorted(remains.set_aside, key=_times, reverse=True)
        },
        sysctls=to_set(record.sysctls, found.memory.sysctls) if record else {},
        zswap=bool(record and record.zswap and found.memory.zswap_enabled is False),
        zram=_zram_goes(found),
        compose="/opt/xnai/podman-compose" in remains.directories,
        sampler=UNIT_FILE in ours or PROGRAM in remains.directories,
        user=account if removed else None,
        packages=remains.packages,
        record=record is not None or (found.former is not None and not stays),
        keep_record=stays and record is not None,
    )
    return _of_user(found, here, ours)


def _of_user(found: Found, here: Plan, ours: Sequence[str]) -> Plan:
    """With what a user that is not removed had for the stack's sake."""
    account, known, caches = found.remains.account, found.old_user, found.remains.caches
    names = cache_directories(found.settings.stack_name).values()
    if found.made_user:
        here = replace(here, caches=caches)
    elif ours:
        here = replace(here, caches=tuple(f"{path}/{name}" for path in caches for name in names))
    if account and known and known.user.existed and found.purge and not found.strangers:
        here = replace(
            here,
            subuid=_ranges(account.subuid, known.user.subuid),
            subgid=_ranges(account.subgid, known.user.subgid),
        )
    return here


def _times(path: str) -> int:
    """How often a file's name had been set aside before it."""
    number = path.partition(SET_ASIDE_SUFFIX)[2].removeprefix(".")
    return int(number) if number.isdigit() else 0


def _user_goes(found: Found) -> bool:
    """Whether the stack's user goes, and with it all that its store holds."""
    return bool(
        found.purge and found.remains.account and found.shared and found.made_user
        and not found.strangers
    )


def _zram_goes(found: Found) -> bool:
    """Whether zram0 is ours, or is not as it was, which a killed teardown leaves."""
    record, active = found.record, found.memory.zram.swap_active
    return bool(found.remains.files.get(ZRAM_CONF)) or (
        record is not None and record.zram.swap_active != active
    )


def _ranges(now: Sequence[str], then: Sequence[str]) -> tuple[str, ...]:
    """The lines of subuid(5) that were not there then."""
    return tuple(
        line for line in now if line not in then and re.fullmatch(r"[^:]+:[0-9]+:[0-9]+", line)
    )


def _directories(found: Found, ours: Sequence[str]) -> tuple[str, ...]:
    """The directories that were made for our files, the deepest first."""
    uid_named = sorted(
        parent for parent in {str(PurePosixPath(path).parent) for path in ours}
        if parent.endswith((".service.d", ".slice.d")) and any(c.isdigit() for c in parent)
    )
    if found.record is None:
        return tuple(uid_named)
    existing = found.record.existing
    return (*uid_named, *(path for path in found.above if path not in existing))
