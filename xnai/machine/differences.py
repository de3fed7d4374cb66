"""How a host differs from the settings below the stack: pure, and the one comparison."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xnai.diagnostics.difference import Difference, FileDifference
from xnai.facts.containers import CONTROLLERS, ContainersFacts
from xnai.facts.podman_call import XNAI_PODMAN
from xnai.facts.sections import file_difference
from xnai.machine import packages
from xnai.machine.files import (
    authorities,
    compose_lock,
    directories,
    home_texts,
    reserved_mib,
    system_texts,
    wrapper_text,
)
from xnai.settings.model import Settings
from xnai.stack.paths import COMPOSE, COMPOSE_LOCK


@dataclass(frozen=True)
class Identity:
    """The stack's user, as it is or as it will be made."""

    name: str
    uid: int
    group: str
    home: str


@dataclass(frozen=True)
class MachineDifferences:
    """What of the machine below the stack is not as the settings want it.

    Attributes:
        user: the stack's.
        packages: that are missing.
        certificates: files of extra authorities, missing or not as they should be.
        unwanted_certificates: paths of those that the settings no longer name.
        untrusted: names of those that the system does not trust yet, or trusts no longer.
        user_absent: whether the user must be made.
        sub_ids_absent: whether it needs subordinate IDs.
        drop_ins: of its manager and the slices above it.
        reload: whether systemd must be told of them.
        manager: why its manager must be restarted, or empty.
        manager_waits: why that is left for later; empty where it can be done now.
        lingers: whether its services run without a login already.
        directories: path -> (found, wanted), each `mode owner group`.
        home_files: below its home.
        user_slice: (found, wanted) MiB of memory.low of its user.slice, or None.
        wrapper: the program that runs Podman as that user, where it differs.
        compose: why podman-compose must be installed, or empty.
    """

    user: Identity
    packages: tuple[str, ...]
    certificates: tuple[FileDifference, ...]
    unwanted_certificates: tuple[str, ...]
    untrusted: tuple[str, ...]
    user_absent: bool
    sub_ids_absent: bool
    drop_ins: tuple[FileDifference, ...]
    reload: bool
    manager: str
    manager_waits: str
    lingers: bool
    directories: dict[str, tuple[str, str]]
    home_files: tuple[FileDifference, ...]
    user_slice: tuple[int, int] | None
    wrapper: FileDifference | None
    compose: str

    def listed(self) -> list[Difference]:
        """Return all of them, in the order in which a deploy mends them."""
        return [
            *(Difference("containers", line) for line in self._before_the_manager()),
            *(
                [Difference("containers", f"user manager ({self.manager})", self.manager_waits)]
                if self.manager else []
            ),
            *(Difference("containers", line) for line in self._after_the_manager()),
        ]

    def _before_the_manager(self) -> Iterator[str]:
        yield from (f"package {name} (absent)" for name in self.packages)
        yield from map(str, self.certificates)
        yield from (f"{path} (no longer in the settings)" for path in self.unwanted_certificates)
        yield from (f"{name} (not trusted as the settings say)" for name in self.untrusted)
        if self.user_absent:
            yield f"user {self.user.name} (absent)"
        if self.sub_ids_absent:
            yield f"subordinate IDs of {self.user.name} (absent)"
        yield from map(str, self.drop_ins)

    def _after_the_manager(self) -> Iterator[str]:
        if not self.lingers:
            yield f"{self.user.name} does not linger"
        for path, (found, wanted) in self.directories.items():
            yield f"{path} ({found} -> {wanted})"
        yield from map(str, self.home_files)
        if self.user_slice:
            yield "memory.low of user.slice ({} -> {} MiB)".format(*self.user_slice)
        if self.wrapper:
            yield str(self.wrapper)
        if self.compose:
            yield f"podman-compose in {COMPOSE} ({self.compose})"


def differences(
    settings: Settings, facts: ContainersFacts, podman_major: int | None
) -> MachineDifferences:
    """Return how a host differs.

    Args:
        settings: the host's.
        facts: what there is of the stack's user and its Podman.
        podman_major: version of the Podman that is there or will be; None: not told.
    """
    name = settings.stack_user
    user = (
        Identity(name, facts.user.uid, facts.user.group, facts.user.home) if facts.user
        else Identity(name, facts.free_uid, name, f"/home/{name}")
    )
    wanted = authorities(settings)
    gone = tuple(sorted(facts.own_certificates - set(wanted)))
    drop_ins = _files(
        facts, {path.format(uid=user.uid): text for path, text in system_texts(settings).items()}
    )
    reason = _why_restart(settings, facts)
    reserved = reserved_mib(settings)
    wrapper = _files(facts, {XNAI_PODMAN: wrapper_text(settings, user.uid, user.home)}, "0755")
    return MachineDifferences(
        user=user,
        packages=tuple(
            name for name in packages.containers(podman_major) if name not in facts.packages
        ),
        certificates=_files(facts, wanted),
        unwanted_certificates=gone,
        untrusted=tuple(
            Path(path).stem for path in (*sorted(facts.untrusted), *gone)
        ),
        user_absent=facts.user is None,
        # useradd gives a new regular user its subordinate IDs; whether it did is read on the host.
        sub_ids_absent=facts.user is None or not (facts.user.subuid and facts.user.subgid),
        drop_ins=drop_ins,
        reload=bool(drop_ins) or facts.needs_reload,
        manager=reason,
        manager_waits=(
            f"the manager of {name} must be restarted ({reason}), and {name} is logged in. "
            "Log out everywhere, or reboot." if reason and facts.sessions else ""
        ),
        lingers=facts.user is not None and facts.user.lingering and facts.manager is not None,
        directories={
            path: (found, words) for path, words in directories(settings, user.group).items()
            if (found := facts.directories.get(path, "absent")) != words
        },
        home_files=_home_files(settings, facts, user),
        # None: the slice is not there yet, and will read the drop-in when it starts.
        user_slice=(
            None if facts.user_slice_low_mib in (None, reserved)
            else (facts.user_slice_low_mib or 0, reserved)
        ),
        wrapper=wrapper[0] if wrapper else None,
        compose=_why_compose(facts),
    )


def _files(
    facts: ContainersFacts, texts: dict[str, str], mode: str = "0644"
) -> tuple[FileDifference, ...]:
    return tuple(
        FileDifference(path, words, text, mode) for path, text in texts.items()
        if (words := file_difference(facts.files.get(path), text, mode))
    )


def _home_files(
    settings: Settings, facts: ContainersFacts, user: Identity
) -> tuple[FileDifference, ...]:
    found = []
    for below, text in home_texts(settings).items():
        path = f"{user.home}/{below}"
        state = facts.files.get(path)
        if words := file_difference(state, text, "0644", user.name, user.group):
            found.append(FileDifference(path, words, text))
    return tuple(found)


def _why_restart(settings: Settings, facts: ContainersFacts) -> str:
    """Why the user's manager must be restarted, or nothing."""
    # Preflight has warned of a controller that this kernel does not have.
    handed_on = facts.controllers if facts.manager is None else facts.manager
    lacking = ", ".join(sorted((facts.controllers & set(CONTROLLERS)) - handed_on))
    if lacking:
        return f"{lacking} not delegated"
    if not settings.stack_user_explicit and (facts.manager_oom_score_adj or 0) > 0:
        return f"its oom_score_adj is {facts.manager_oom_score_adj}"
    return ""


def _why_compose(facts: ContainersFacts) -> str:
    """Why podman-compose must be installed, or nothing; its lock is copied last, as the proof."""
    state = facts.files.get(COMPOSE_LOCK)
    digest = hashlib.sha256(compose_lock().encode()).hexdigest()
    if facts.compose_python and state and state.sha256 == digest:
        return ""
    return "its lock or Python changed" if state else "absent"
