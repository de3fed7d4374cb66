"""What a setting is, said once: its default, what it may be, why, and where its reason is from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from xnai.models.found import ModelFile
from xnai.settings import checks
from xnai.settings.checks import Check

MOST_MIB = 1 << 20


@dataclass(frozen=True)
class HostValues:
    """What settings are derived from where they are None.

    Attributes:
        ram_mib: MemTotal of the host, in MiB.
        time_zone: the host's, by its name in the tz database.
        models: service -> the model's file that it maps, where the settings name one.
    """

    ram_mib: int
    time_zone: str
    models: Mapping[str, ModelFile] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Declaration:
    """One setting.

    Attributes:
        name: with the unit in it.
        default: what it is where nobody sets it; None: derived from what the host is.
        check: converts a raw value, or refuses it.
        reason: what it does and why it is what it is, with the source; may be empty beside a
            setting that explains both.
        section: heading under which it is listed.
        below: name of the setting that this one must be less than.
        at_most: name of the setting that this one must not exceed.
        instead_of: name of the setting that must be None where this one is not.
        switch: of a port: the setting without which nothing listens there.
        derived: what takes the place of None on a host.
        on_host: what must be at this path on the host: "file", "directory", or nothing.
        mapped_by: the service that maps this file into its memory, or empty.
    """

    name: str
    default: object
    check: Check
    reason: str = ""
    section: str = ""
    below: str = ""
    at_most: str = ""
    instead_of: str = ""
    switch: str = ""
    derived: Callable[[HostValues], object] | None = None
    on_host: str = ""
    mapped_by: str = ""


@dataclass(frozen=True)
class MemoryDefaults:
    """The default memory settings of a service, in MiB.

    Attributes:
        limit_mib: its memory limit.
        lowest_mib: the least with which it starts.
        protected: whether it keeps data in memory, so that the kernel takes others first.
        reason: where the limit is from.
        of_model: the limit is None by default: `limit_mib`, or more where its model needs more.
    """

    limit_mib: int
    lowest_mib: int
    protected: bool = False
    reason: str = ""
    of_model: bool = False


@dataclass(frozen=True)
class ServiceMemory:
    """The effective memory settings of a service, in MiB; see "Services" in docs/settings.md.

    Attributes:
        limit_mib: memory.max of its cgroup.
        reservation_mib: memory.low, at most the limit.
        swap_mib: memory.swap.max.
        protected: whether the kernel takes others before it.
    """

    limit_mib: int
    reservation_mib: int
    swap_mib: int
    protected: bool


class Configured(Protocol):
    """What the settings need to know of a service."""

    @property
    def name(self) -> str:
        """Of the service."""

    @property
    def settings(self) -> type | None:
        """A dataclass whose fields are made by `setting`, or None."""

    @property
    def memory(self) -> MemoryDefaults | None:
        """None for what is run by hand."""

    @property
    def has_own_tree(self) -> bool:
        """Whether it can be made of the user's own tree."""


@dataclass(frozen=True)
class OfServices:
    """A default or a check that depends on which services there are."""

    make: Callable[[Sequence[Configured]], Any]


def setting(
    default: object,
    check: Check | OfServices,
    reason: str = "",
    *,
    section: str = "",
    below: str = "",
    instead_of: str = "",
    switch: str = "",
    derived: Callable[[HostValues], object] | None = None,
    on_host: str = "",
    mapped_by: str = "",
) -> Any:
    """Return a dataclass field that declares the setting of its name; arguments: see Declaration.

    A section holds until another field names one.
    """
    return dataclasses.field(
        metadata={
            "declares": {
                "default": default, "check": check, "reason": reason, "section": section,
                "below": below, "instead_of": instead_of, "switch": switch, "derived": derived,
                "on_host": on_host, "mapped_by": mapped_by,
            }
        }
    )


def declared(
    kind: type, services: Sequence[Configured], section: str = ""
) -> list[Declaration]:
    """Return the settings that the fields of a dataclass declare, in their order.

    Args:
        kind: the dataclass; its other fields are derived values.
        services: which there are.
        section: heading of those before the first field that names one.
    """
    found = []
    for field in dataclasses.fields(kind):
        if "declares" not in field.metadata:
            continue
        words: Mapping[str, Any] = field.metadata["declares"]
        section = words["section"] or section
        resolved = {
            key: value.make(services) if isinstance(value, OfServices) else value
            for key, value in words.items()
        }
        found.append(Declaration(field.name, **(resolved | {"section": section})))
    return found


def of_memory(name: str, memory: MemoryDefaults) -> list[Declaration]:
    """Return the three settings of a service's memory."""
    limit = f"{name}_memory_limit_mib"
    check = checks.integer(memory.lowest_mib, MOST_MIB)

    def of_model(host: HostValues) -> int:
        model = host.models.get(name)
        found = model.needs if model else None
        return found.limit_mib(memory.limit_mib) if found else memory.limit_mib

    share = checks.optional(checks.integer(0, MOST_MIB))
    return [
        Declaration(limit, None, checks.optional(check), memory.reason, name, derived=of_model)
        if memory.of_model else
        Declaration(limit, memory.limit_mib, check, memory.reason, name),
        Declaration(f"{name}_memory_reservation_mib", None, share, "", name, at_most=limit),
        Declaration(f"{name}_swap_mib", None, share, "", name),
    ]
