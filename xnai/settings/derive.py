"""From checked settings and a host's values to the derived ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from xnai.settings.declaration import HostValues, ServiceMemory
from xnai.settings.model import Settings
from xnai.settings.schema import Schema

# (RAM up to MiB, percent). Reason and source: zram_size_pct_of_ram.
ZRAM_PROFILE_PCT_OF_RAM = ((8 * 1024, 200), (16 * 1024, 150), (32 * 1024, 100))
ZRAM_PCT_OF_LARGER_RAM = 50


def zram_pct_of_ram(ram_mib: int) -> int:
    """Return the profile's zram size in percent of RAM for `ram_mib` MiB of RAM."""
    for up_to_mib, percent in ZRAM_PROFILE_PCT_OF_RAM:
        if ram_mib <= up_to_mib:
            return percent
    return ZRAM_PCT_OF_LARGER_RAM


def derive(
    schema: Schema, checked: Mapping[str, Any], host: HostValues, sysctls: Mapping[str, str]
) -> Settings:
    """Return the typed settings of a host.

    Args:
        schema: which settings there are.
        checked: each of them with its checked value.
        host: what the host is.
        sysctls: setting -> key of sysctl(8).
    """
    values = dict(checked)
    for name, declaration in schema.declarations.items():
        if values[name] is None and declaration.derived:
            values[name] = declaration.derived(host)
    if values["zram_size_mib"] is None:
        percent = values["zram_size_pct_of_ram"] or zram_pct_of_ram(host.ram_mib)
        # As zram-generator computes it: its `ram` is whole MiB of MemTotal.
        values["zram_size_mib"] = host.ram_mib * percent // 100
        expression = f"ram * {percent} / 100"
    else:
        expression = str(values["zram_size_mib"])
    explicit = values["stack_user"] is not None
    own = {field.name for field in fields(Settings)}
    return Settings(
        **{name: value for name, value in values.items() if name in own}
        | {"stack_user": values["stack_user"] or "xnai"},
        stack_user_explicit=explicit,
        ram_mib=host.ram_mib,
        zram_size_expression=expression,
        sysctls={key: str(values[name]) for name, key in sysctls.items()},
        # A login user keeps the guard: his desktop would lose it with the stack.
        oom_exempt=values["oom_guard_exempt_stack"] and not explicit,
        memory={name: _memory(name, values, host) for name in schema.with_memory},
        of_services={
            service.settings: service.settings(
                **{field.name: values[field.name] for field in fields(service.settings)}
            )
            for service in schema.services if service.settings
        },
        from_tables={name: values[name] for name in sysctls},
        models=host.models,
    )


def _memory(name: str, values: Mapping[str, Any], host: HostValues) -> ServiceMemory:
    limit_mib = values[f"{name}_memory_limit_mib"]
    reservation_mib = values[f"{name}_memory_reservation_mib"]
    swap_mib = values[f"{name}_swap_mib"]
    protected = name in values["protected_services"]
    if reservation_mib is None:
        reservation_mib = limit_mib // 2 if protected else 0
    if swap_mib is None:
        model = host.models.get(name)
        needs = model.needs if model else None
        swap_mib = needs.swap_mib(limit_mib) if needs else limit_mib // 2
    return ServiceMemory(limit_mib, reservation_mib, swap_mib, protected)
