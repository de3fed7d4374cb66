"""From what there is, and the record of what was, to what teardown removes and puts back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from xnai.before import Before, OldFile
from xnai.catalogue import secret_forms, services
from xnai.facts.containers import CA_DIRECTORY
from xnai.facts.memory import MemoryFacts
from xnai.facts.podman import XNAI_PODMAN, PodmanUnknown
from xnai.facts.teardown import Account, Kept, Remains
from xnai.operations.image import cache_directories
from xnai.operations.teardown import lacking, to_set
from xnai.preflight.config_files import HEADER, SET_ASIDE_SUFFIX
from xnai.preflight.zram_rivals import OUR_PATH as ZRAM_CONF
from xnai.settings.model import Settings
from xnai.stack_reading import unit_file

# What a teardown that keeps the data leaves in the stack's directory, and what one with purge does.
BACKUP = "backup"
ROTATION = "rotation"
# What Podman calls a volume that somebody made without a name.
_NAMELESS = re.compile("volume [0-9a-f]{64}")


@dataclass(frozen=True)
class Found:
    """All that the plan is made from.

    Attributes:
        settings: the host's.
        remains: what there is.
        memory: the memory facts; the sysctls are those of the record.
        record: what was before the present deployment; None where there is no record.
        former: the record of a stack whose data were kept.
        above: directories above our files, the deepest first.
        host: the host's name.
    """

    settings: Settings
    remains: Remains
    memory: MemoryFacts
    record: Before | None
    former: Before | None
    above: Sequence[str]
    host: str

    @property
    def purge(self) -> bool:
        """Whether the data go as well."""
        return self.settings.purge is not None

    @property
    def shared(self) -> bool:
        """Whether what stacks share goes: there is no other one."""
        return not self.others

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the other stacks that are deployed."""
        return tuple(n for n in self.remains.others if n != self.settings.stack_name)

    @property
    def store(self) -> Kept | None:
        """The Podman store, where there is something to ask it by."""
        store = self.remains.store
        return None if isinstance(store, PodmanUnknown) else store

    @property
    def volumes(self) -> tuple[str, ...]:
        """The stack's volumes: by Podman's word, else by their directories."""
        known = {volume for service in services(self.settings) for volume, _ in service.volumes}
        prefix = f"{self.settings.stack_name}_"
        if not self.store:
            names = self.remains.volume_names
            return tuple(n for n in names if n in known or n.startswith(prefix))
        others = {item.removeprefix("volume ") for item in self.store.others}
        if self.made_user:
            # Nobody else has a reason to call one so in a store that was made for stacks.
            known |= {name for name in others if name.startswith(prefix)}
        return tuple(sorted({*self.store.volumes, *(known & others)}))

    @property
    def strangers(self) -> tuple[str, ...]:
        """What else is in the stack user's store; a volume without a name belongs to nobody."""
        if self.store:
            names = {f"volume {name}" for name in self.volumes}
            labels = self.store.secrets.items()
            secrets = [f"secret {n}" for n, stack in labels if stack != self.settings.stack_name]
            found = (*self.store.others, *secrets)
            return tuple(i for i in found if i not in names and not _NAMELESS.fullmatch(i))
        left = (f"volume {n}" for n in self.remains.volume_names if n not in self.volumes)
        return tuple(item for item in left if not _NAMELESS.fullmatch(item))

    @property
    def old_user(self) -> Before | None:
        """The record that knows of the stack's user."""
        return self.record or self.former

    @property
    def made_user(self) -> bool:
        """Whether the stack's user is known to have been made by us."""
        return self.old_user is not None and not self.old_user.user.existed


@dataclass(frozen=True)
class Plan:
    """What teardown does, in its order; empty parts are left out.

    Attributes:
        containers: names, what depends on others first.
        networks: names.
        images: names.
        volumes: names, with purge.
        secrets: names, with purge.
        unit: whether the boot unit goes.
        names: in the stack's directory, to be removed.
        caches: directories of build caches.
        home_files: ours in the user's home.
        files: root's files to be removed.
        directories: to be removed where they are empty then, the deepest first.
        certificates: CA certificates to be removed.
        linger: whether the user's lingering ends.
        put_back: path -> file that ours had replaced.
        set_aside: present path -> former path of files that were set aside.
        sysctls: key -> value to set.
        zswap: whether it is switched on again.
        zram: whether zram0 is taken down, and what was there set up.
        compose: whether podman-compose goes.
        user: the user to remove.
        subuid: lines to take away from a user that stays.
        subgid: the same.
        packages: whether packages go.
        record: whether the record goes.
        keep_record: whether it goes on as that of a user that stays, and is to go one day.
        kept_volumes: with the data in them.
        notes: lines for the end of the run.
    """

    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    unit: bool = False
    names: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    home_files: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    linger: bool = False
    put_back: dict[str, OldFile] = field(default_factory=dict)
    set_aside: dict[str, str] = field(default_factory=dict)
    sysctls: dict[str, str] = field(default_factory=dict)
    zswap: bool = False
    zram: bool = False
    compose: bool = False
    user: Account | None = None
    subuid: tuple[str, ...] = ()
    subgid: tuple[str, ...] = ()
    packages: bool = False
    record: bool = False
    keep_record: bool = False
    kept_volumes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def refusals(found: Found) -> list[str]:
    """Return why nothing may be changed, a sentence each; empty if all is well."""
    settings, remains = found.settings, found.remains
    user = settings.stack_user
    said = []
    recorded = found.old_user.user.name if found.old_user else user
    for name, where in ((remains.wrapper_user, XNAI_PODMAN), (recorded, "the record")):
        if name not in ("", user):
            said.append(
                f"{where} is of a stack of {name}, stack_user is {user!r}: set stack_user = "
                f"{name!r}, or None if that is the default."
            )
    if isinstance(remains.store, PodmanUnknown):
        said.append(
            f"Podman of {user} does not answer, so what is there cannot be told. Look: sudo "
            "xnai-podman ps; pyinfra inventory.py deploy.py puts it right."
        )
    if (
        found.purge and found.volumes and remains.store is None and not found.made_user
        and remains.account
    ):
        said.append(
            f"volumes {', '.join(found.volumes)} are in the store of {user}, a user that is not "
            "known to have been made for the stack, and there is no Podman to remove them with. "
            "Deploy, then purge; or remove their directories below "
            f"{remains.account.home}/.local/share/containers/storage/volumes by hand."
        )
    stack_mib = found.store.swap_mib if found.store else 0
    if found.shared and remains.files.get(ZRAM_CONF) and found.memory.zram.swap_active and (
        short := lacking(found.memory, stack_mib)
    ):
        said.append(f"zram0 could not be emptied: {short}.")
    return said


def plan(found: Found) -> Plan:
    """Return what is to be done."""
    own = _own(found)
    values = own | (_shared(found) if found.shared else {})
    here = Plan(**values)  # type: ignore[arg-type]
    return Plan(**values, notes=tuple(_notes(found, here)))  # type: ignore[arg-type]


def _own(found: Found) -> dict[str, object]:
    """What is this stack's alone."""
    settings, remains, store = found.settings, found.remains, found.store
    values: dict[str, object] = {
        "unit": remains.enabled or bool(remains.files.get(unit_file(settings))),
        "kept_volumes": () if found.purge else found.volumes,
    }
    stay = {BACKUP} if found.purge else {BACKUP, ROTATION}
    names = remains.in_directory
    if names is not None:
        values["names"] = tuple(name for name in names if name not in stay)
    if store:
        order = [service.container_name for service in services(settings)]
        values["containers"] = tuple(sorted(
            store.containers,
            key=lambda name: -order.index(name) if name in order else -len(order),
        ))
        values["networks"] = store.networks
        pulled = {service.image for service in services(settings)} | {settings.base_image}
        values["images"] = tuple(
            name for image in store.images for name in image.names
            if image.labels.get("io.xnai.stack") == settings.stack_name
            # In a store that was made for stacks nobody else asked for them.
            or (found.made_user and found.shared and name in pulled)
        )
        if found.purge:
            forms = {name for form in secret_forms(settings) for name in form}
            values["volumes"] = found.volumes
            values["secrets"] = tuple(
                name for name, stack in store.secrets.items()
                if stack == settings.stack_name or (not stack and name in forms)
            )
    return values


def _shared(found: Found) -> dict[str, object]:
    """What all stacks of the machine share; there is none left."""
    settings, remains, record = found.settings, found.remains, found.record
    account, known = remains.account, found.old_user
    removed = bool(
        found.purge and account and found.made_user and not found.strangers
    )
    home = f"{account.home}/" if account else "/nonexistent/"
    old_files = record.files if record else {}
    ours = [path for path, is_ours in remains.files.items() if is_ours]
    apart = {ZRAM_CONF, unit_file(settings)}
    values: dict[str, object] = {
        "home_files": () if removed else tuple(p for p in ours if p.startswith(home)),
        "files": tuple(
            path for path in ours
            if not path.startswith((home, CA_DIRECTORY)) and path not in apart
        ),
        "certificates": tuple(path for path in ours if path.startswith(CA_DIRECTORY)),
        "directories": _directories(found, [p for p in ours if not p.startswith(home)]),
        "linger": bool(
            account and account.lingering and not removed
            and (not known.user.lingering if known else not settings.stack_user_explicit)
        ),
        "put_back": {
            path: old for path, old in old_files.items()
            if remains.files.get(path) is not False
            and not (removed and path.startswith(home))
        },
        "set_aside": {
            path: path.removesuffix(SET_ASIDE_SUFFIX) for path in remains.set_aside
        },
        "sysctls": to_set(record.sysctls, found.memory.sysctls) if record else {},
        "zswap": bool(record and record.zswap and found.memory.zswap_enabled is False),
        "zram": bool(
            remains.files.get(ZRAM_CONF)
            or (record and record.zram.swap_active and not found.memory.zram.swap_active)
        ),
        "compose": "/opt/xnai/podman-compose" in remains.directories,
        "user": account if removed else None,
        "packages": remains.packages,
    }
    # The user of data that are kept, be they another stack's, is still to go one day.
    stays = bool(account) and not removed and (not found.purge or bool(found.strangers))
    values["record"] = record is not None or (found.former is not None and not stays)
    values["keep_record"] = stays and record is not None
    names = cache_directories(settings.stack_name).values()
    if found.made_user:
        values["caches"] = remains.caches
    elif ours:
        values["caches"] = tuple(f"{path}/{name}" for path in remains.caches for name in names)
    if account and known and known.user.existed and found.purge and not found.strangers:
        values["subuid"] = _ranges(account.subuid, known.user.subuid)
        values["subgid"] = _ranges(account.subgid, known.user.subgid)
    return values


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


def _notes(found: Found, here: Plan) -> list[str]:
    """Lines for the end of the run."""
    settings, remains, account = found.settings, found.remains, found.remains.account
    notes = []
    does_something = any(
        getattr(here, name) for name in Plan.__dataclass_fields__
        if name not in ("kept_volumes", "notes", "directories", "keep_record")
    )
    if found.others:
        notes.append(
            f"{', '.join(found.others)} is on this machine too: the user, packages, memory "
            "settings, lingering and /opt/xnai stay; the teardown of the last stack removes them"
        )
    elif does_something and found.record is None and not (found.former and found.purge):
        notes.append(
            "there is no record of what this machine was before (it was provisioned before there "
            "were any): what is ours goes; the values of sysctls and zswap stay until a reboot, "
            "and packages, the user, its lingering and replaced files stay as they are"
        )
    for path, is_ours in remains.files.items():
        if does_something and not is_ours and not (found.record and path in found.record.files):
            notes.append(f"{path} stays: it does not begin with {HEADER!r}")
    if account and found.shared and found.purge and here.user is None and does_something:
        why = (
            f"its Podman store holds {', '.join(found.strangers)}" if found.strangers
            else "it was there before" if found.old_user
            else "nothing says that it was made for the stack"
        )
        notes.append(f"the user {settings.stack_user} stays: {why}")
    if account:
        where = f"{account.home}/.local/share/containers/storage/volumes"
        for volume in here.kept_volumes:
            notes.append(f"kept: volume {volume} ({where}/{volume}/_data)")
    if here.kept_volumes:
        notes.append(
            "kept with them: the stack's secrets, which they need, and the user "
            f"{settings.stack_user}. A deploy finds them again; to remove them: pyinfra "
            f"inventory.py tasks/teardown.py --data purge={found.host}"
        )
    backups = [settings.backup_dir] if settings.backup_dir else []
    if BACKUP in (remains.in_directory or ()):
        backups.append(f"/var/lib/xnai/{settings.stack_name}/{BACKUP}")
    if backups:
        notes.append(f"backups are never removed: {', '.join(backups)}")
    return notes
