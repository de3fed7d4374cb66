"""The only reader of raw settings: group_data -> checked -> derived -> one typed object."""

from __future__ import annotations

from typing import Any

from pyinfra.api.host import Host
from pyinfra.context import ctx_host

from xnai.facts.hardware import Hardware, HardwareFacts
from xnai.pyinfra_ext import HostFailed
from xnai.settings import layers
from xnai.settings.checks import Refused
from xnai.settings.derive import derive
from xnai.settings.model import Settings
from xnai.settings.spec import SPEC

__all__ = ["Settings", "check", "current", "problems"]


def check(sources: list[layers.Layer]) -> tuple[dict[str, Any], list[str]]:
    """Check every setting in `sources` (the strongest first).

    Returns:
        The checked values, and one sentence for each problem; values are whole only without
        problems.
    """
    found = layers.unknown_names(sources)
    checked: dict[str, Any] = {}
    for name, is_allowed in SPEC.items():
        layer = next((layer for layer in sources if name in layer.values), None)
        if layer is None:
            found.append(f"{name}: not set anywhere; group_data/all.py must name every setting")
            continue
        value = layer.values[name]
        try:
            checked[name] = is_allowed(value)
        except Refused as refused:
            found.append(f"{name} = {value!r} ({layers.where(layer, name)}): {refused}")
    if not found and checked["vm_dirty_background_ratio_pct"] >= checked["vm_dirty_ratio_pct"]:
        found.append(
            f"vm_dirty_background_ratio_pct = {checked['vm_dirty_background_ratio_pct']} "
            f"({layers.origin(sources, 'vm_dirty_background_ratio_pct')}): must be below "
            f"vm_dirty_ratio_pct = {checked['vm_dirty_ratio_pct']}"
        )
    return checked, found


def problems(host: Host) -> list[str]:
    """Return a sentence for each thing wrong with `host`'s settings, the groups included."""
    return layers.unknown_groups(host.inventory) + check(layers.layers(host))[1]


def hardware(host: Host) -> HardwareFacts:
    """Return the host's immutable values, read once a run.

    Raises:
        HostFailed: they could not be read.
    """
    # Kept with the connection: it lives as long as what it describes.
    cached: HardwareFacts | None = host.connector_data.get("xnai_hardware")
    if cached is None:
        cached = host.get_fact(Hardware)
        if cached is None:
            raise HostFailed(
                "could not read /proc/meminfo, getconf, uname and id on the host: "
                "is it Linux, and does the login user get a POSIX shell?"
            )
        host.connector_data["xnai_hardware"] = cached
    return cached


def current(host: Host | None = None) -> Settings:
    """Return the settings of `host`, by default the host that pyinfra works on now.

    Raises:
        HostFailed: a setting is wrong (all problems at once), or the host's RAM is unreadable.
    """
    host = host or ctx_host.get()
    found = problems(host)
    if found:
        raise HostFailed("wrong settings, nothing was changed:\n" + "\n".join(found))
    checked, _ = check(layers.layers(host))
    return derive(checked, hardware(host).ram_kib)
