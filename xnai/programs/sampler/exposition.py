"""A sample in Prometheus' text format: only what node_exporter does not tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Labels = dict[str, str]
Value = int | float | None

_BACKING_UNIT_BYTES = 4096
_US = 1e-6

# Family: type, help, and how its values come from a sample, as (labels, value).
_Values = Callable[[Mapping[str, Any], int], Iterable[tuple[Labels, Value]]]


def _of_zram(name: str, unit: Callable[[int], int] = lambda page: 1) -> _Values:
    def values(sample: Mapping[str, Any], page: int) -> Iterable[tuple[Labels, Value]]:
        if sample["zram"] is not None:
            yield {"device": "zram0"}, _times(sample["zram"].get(name), unit(page))

    return values


def _of_vmstat(names: Mapping[str, Labels]) -> _Values:
    def values(sample: Mapping[str, Any], page: int) -> Iterable[tuple[Labels, Value]]:
        for name, labels in names.items():
            yield labels, _times(sample["vmstat"].get(name), page)

    return values


def _of_containers(read: Callable[[Mapping[str, Any]], Value]) -> _Values:
    def values(sample: Mapping[str, Any], page: int) -> Iterable[tuple[Labels, Value]]:
        for name, one in sample["containers"].items():
            if one is not None:
                yield {"name": name}, read(one)

    return values


def _events(sample: Mapping[str, Any], page: int) -> Iterable[tuple[Labels, Value]]:
    for name, one in sample["containers"].items():
        for event, count in (one["events"] if one is not None else {}).items():
            yield {"name": name, "event": event}, count


def _warnings(sample: Mapping[str, Any], page: int) -> Iterable[tuple[Labels, Value]]:
    for kind, is_raised in sample["warnings"].items():
        yield {"kind": kind}, None if is_raised is None else int(is_raised)


def _times(value: Value, factor: float) -> Value:
    return None if value is None else value * factor


def _page(page: int) -> int:
    return page


def _backing(page: int) -> int:
    return _BACKING_UNIT_BYTES


_ZRAM = {
    "original": ("orig_data_size", "Size of what is stored, before it is compressed."),
    "compressed": ("compr_data_size", "Size of what is stored, compressed."),
    "resident": ("mem_used_total", "RAM that the device holds."),
    "resident_max": ("mem_used_max", "The most RAM that the device has held."),
    "disksize": ("disksize", "The most that can be stored, before it is compressed."),
}
_ZRAM_PAGES = {
    "same": ("same_pages", "Size of pages of one repeated word, which take no RAM."),
    "huge": ("huge_pages", "Size of pages that could not be compressed."),
}
_CONTAINER = {
    "current": ("memory.current", "Memory charged to the container."),
    "peak": ("memory.peak", "The most memory that was charged to it."),
    "swap": ("memory.swap.current", "What of it is in swap, before it is compressed."),
    "limit": ("memory.max", "The most memory that it may be charged with."),
    "swap_limit": ("memory.swap.max", "The most that it may have in swap."),
}


def _field(name: str) -> Callable[[Mapping[str, Any]], Value]:
    return lambda one: one.get(name)


def _pressure(kind: str) -> Callable[[Mapping[str, Any]], Value]:
    return lambda one: _times(one["pressure"][kind], _US)


FAMILIES: dict[str, tuple[str, str, _Values]] = {
    **{
        f"xnai_zram_{name}_bytes": ("gauge", text, _of_zram(column))
        for name, (column, text) in _ZRAM.items()
    },
    **{
        f"xnai_zram_{name}_bytes": ("gauge", text, _of_zram(column, _page))
        for name, (column, text) in _ZRAM_PAGES.items()
    },
    "xnai_zram_backing_bytes": (
        "gauge", "What was written back to a disk and is still there.",
        _of_zram("bd_count", _backing),
    ),
    "xnai_zram_backing_read_bytes_total": (
        "counter", "Read from there.", _of_zram("bd_reads", _backing),
    ),
    "xnai_zram_backing_written_bytes_total": (
        "counter", "Written there.", _of_zram("bd_writes", _backing),
    ),
    "xnai_refaulted_bytes_total": (
        "counter", "Pages that were needed again shortly after they had been reclaimed.",
        _of_vmstat({
            "workingset_refault_anon": {"type": "anon"},
            "workingset_refault_file": {"type": "file"},
        }),
    ),
    "xnai_zswap_in_bytes_total": (
        "counter", "Pages that came back from zswap.", _of_vmstat({"zswpin": {}}),
    ),
    "xnai_zswap_out_bytes_total": (
        "counter", "Pages that went to zswap.", _of_vmstat({"zswpout": {}}),
    ),
    **{
        f"xnai_container_memory_{name}_bytes": ("gauge", text, _of_containers(_field(file)))
        for name, (file, text) in _CONTAINER.items()
    },
    "xnai_container_memory_events_total": (
        "counter", "How often a limit was met, by memory.events.", _events,
    ),
    "xnai_container_pressure_memory_waiting_seconds_total": (
        "counter", "Time in which some of its processes waited for memory.",
        _of_containers(_pressure("some")),
    ),
    "xnai_container_pressure_memory_stalled_seconds_total": (
        "counter", "Time in which all of its processes waited for memory.",
        _of_containers(_pressure("full")),
    ),
    "xnai_memory_warning": (
        "gauge", "Whether the sampler warns of this (1) or not (0).", _warnings,
    ),
}
"""Name of each family -> its type, its help, and how its values come from a sample."""


def exposition(sample: Mapping[str, Any], page_size_bytes: int) -> str:
    """Return a sample as text (prometheus.io/docs/instrumenting/exposition_formats, 0.0.4).

    What is not known has no line: 0 would be a value.

    Args:
        sample: a reading of the machine, with `containers` and `warnings` (kind -> whether).
        page_size_bytes: of the kernel.
    """
    lines = []
    for family, (kind, text, values) in FAMILIES.items():
        found = [
            f"{family}{_labels(labels)} {value:.15g}"
            for labels, value in values(sample, page_size_bytes) if value is not None
        ]
        if found:
            lines += [f"# HELP {family} {text}", f"# TYPE {family} {kind}", *found]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    words = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{words}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
