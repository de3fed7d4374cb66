"""All the settings that exist: the package's own, the sysctls', and each service's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xnai.settings import layers
from xnai.settings.checks import Refused
from xnai.settings.data import DataSettings
from xnai.settings.declaration import Configured, Declaration, declared, of_memory
from xnai.settings.images import ImageSettings
from xnai.settings.model import Settings
from xnai.settings.reports import ReportSettings
from xnai.settings.sampling import SamplerSettings
from xnai.settings.together import misfits


@dataclass(frozen=True)
class Schema:
    """The settings that exist.

    Attributes:
        declarations: by name, in the order in which they are listed.
        services: what has settings of its own.
    """

    declarations: Mapping[str, Declaration]
    services: tuple[Configured, ...]

    @property
    def with_memory(self) -> list[str]:
        """The names of the services that run for long, in dependency order."""
        return [service.name for service in self.services if service.memory]

    def check(self, sources: list[layers.Layer]) -> tuple[dict[str, Any], list[str]]:
        """Check every setting in `sources` (the strongest first).

        Returns:
            The checked values, and one sentence for each problem; values are whole only without
            problems.
        """
        found = layers.unknown_names(sources, self.declarations)
        found += layers.doubles(sources, self.declarations)
        checked: dict[str, Any] = {}
        for name, declaration in self.declarations.items():
            layer = next((layer for layer in sources if name in layer.values), None)
            value = layer.values[name] if layer else declaration.default
            try:
                checked[name] = declaration.check(value)
            except Refused as refused:
                where = layers.where(layer, name) if layer else "its default"
                found.append(f"{name} = {value!r} ({where}): {refused}")
        return checked, found or misfits(sources, checked, self.declarations.values())


def _after(
    section: str, listed: Sequence[Declaration], more: Sequence[Declaration]
) -> list[Declaration]:
    last = max(i for i, one in enumerate(listed) if one.section == section)
    return [*listed[: last + 1], *more, *listed[last + 1 :]]


def schema(services: Sequence[Configured], further: Iterable[Declaration] = ()) -> Schema:
    """Return all the settings that exist.

    Args:
        services: what has settings of its own, in dependency order.
        further: declarations of tables, the sysctls'; they are listed after section "memory".
    """
    # What a dataclass inherits comes first in its fields, and is listed last.
    inherited = [*declared(DataSettings, services), *declared(ReportSettings, services)]
    sampler, images = declared(SamplerSettings, services), declared(ImageSettings, services)
    skipped = len(inherited) + len(sampler) + len(images)
    own = [*declared(Settings, services)[skipped:], *inherited]
    own = _after("where software comes from", own, images)
    found = _after("memory", own, [*further, *sampler])
    for service in services:
        if service.settings:
            found += declared(service.settings, services, service.name)
        if service.memory:
            found += of_memory(service.name, service.memory)
    by_name = {declaration.name: declaration for declaration in found}
    if len(by_name) < len(found):
        names = [declaration.name for declaration in found]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"declared twice: {', '.join(twice)}")
    return Schema(by_name, tuple(services))
