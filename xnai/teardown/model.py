"""What teardown knows of a host, and what it is to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from xnai.facts.memory import MemoryFacts
from xnai.facts.podman_call import PodmanUnknown
from xnai.facts.teardown import Account, Kept, Remains
from xnai.record.baseline import Before, OldFile
from xnai.settings.model import Settings
from xnai.stack.catalogue import services

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
        sampler: whether the memory sampler goes.
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
    sampler: bool = False
    user: Account | None = None
    subuid: tuple[str, ...] = ()
    subgid: tuple[str, ...] = ()
    packages: bool = False
    record: bool = False
    keep_record: bool = False
    kept_volumes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
