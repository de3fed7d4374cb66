"""The textfile: literal, and readable by Prometheus' own parser."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from sampler_samples import MIB, PAGE, container, sample

from xnai.programs.sampler.exposition import FAMILIES, exposition

WANTED = """\
# HELP xnai_zram_original_bytes Size of what is stored, before it is compressed.
# TYPE xnai_zram_original_bytes gauge
xnai_zram_original_bytes{device="zram0"} 858993459
# HELP xnai_zram_compressed_bytes Size of what is stored, compressed.
# TYPE xnai_zram_compressed_bytes gauge
xnai_zram_compressed_bytes{device="zram0"} 286331153
# HELP xnai_zram_resident_bytes RAM that the device holds.
# TYPE xnai_zram_resident_bytes gauge
xnai_zram_resident_bytes{device="zram0"} 287379729
# HELP xnai_zram_resident_max_bytes The most RAM that the device has held.
# TYPE xnai_zram_resident_max_bytes gauge
xnai_zram_resident_max_bytes{device="zram0"} 8589934592
# HELP xnai_zram_disksize_bytes The most that can be stored, before it is compressed.
# TYPE xnai_zram_disksize_bytes gauge
xnai_zram_disksize_bytes{device="zram0"} 8589934592
# HELP xnai_zram_same_bytes Size of pages of one repeated word, which take no RAM.
# TYPE xnai_zram_same_bytes gauge
xnai_zram_same_bytes{device="zram0"} 8192
# HELP xnai_zram_huge_bytes Size of pages that could not be compressed.
# TYPE xnai_zram_huge_bytes gauge
xnai_zram_huge_bytes{device="zram0"} 20480
# HELP xnai_refaulted_bytes_total Pages that were needed again shortly after they had been reclaimed.
# TYPE xnai_refaulted_bytes_total counter
xnai_refaulted_bytes_total{type="anon"} 12288
xnai_refaulted_bytes_total{type="file"} 0
# HELP xnai_container_memory_current_bytes Memory charged to the container.
# TYPE xnai_container_memory_current_bytes gauge
xnai_container_memory_current_bytes{name="xnai_redis"} 41943040
# HELP xnai_container_memory_peak_bytes The most memory that was charged to it.
# TYPE xnai_container_memory_peak_bytes gauge
xnai_container_memory_peak_bytes{name="xnai_redis"} 52428800
# HELP xnai_container_memory_swap_bytes What of it is in swap, before it is compressed.
# TYPE xnai_container_memory_swap_bytes gauge
xnai_container_memory_swap_bytes{name="xnai_redis"} 0
# HELP xnai_container_memory_limit_bytes The most memory that it may be charged with.
# TYPE xnai_container_memory_limit_bytes gauge
xnai_container_memory_limit_bytes{name="xnai_redis"} 100663296
# HELP xnai_container_memory_events_total How often a limit was met, by memory.events.
# TYPE xnai_container_memory_events_total counter
xnai_container_memory_events_total{name="xnai_redis",event="high"} 0
xnai_container_memory_events_total{name="xnai_redis",event="max"} 0
xnai_container_memory_events_total{name="xnai_redis",event="oom"} 0
xnai_container_memory_events_total{name="xnai_redis",event="oom_kill"} 0
# HELP xnai_container_pressure_memory_waiting_seconds_total Time in which some of its processes waited for memory.
# TYPE xnai_container_pressure_memory_waiting_seconds_total counter
xnai_container_pressure_memory_waiting_seconds_total{name="xnai_redis"} 1.5
# HELP xnai_container_pressure_memory_stalled_seconds_total Time in which all of its processes waited for memory.
# TYPE xnai_container_pressure_memory_stalled_seconds_total counter
xnai_container_pressure_memory_stalled_seconds_total{name="xnai_redis"} 0.5
# HELP xnai_memory_warning Whether the sampler warns of this (1) or not (0).
# TYPE xnai_memory_warning gauge
xnai_memory_warning{kind="zram_fill"} 1
xnai_memory_warning{kind="swap_in"} 0
"""  # noqa: E501


def test_a_sample_as_text():
    taken = sample(xnai_redis=container(), gone=None)
    taken["warnings"] = {"zram_fill": True, "swap_in": False, "pressure": None}
    assert exposition(taken, PAGE) == WANTED


def test_no_family_of_node_exporters_and_no_double():
    assert all(name.startswith("xnai_") for name in FAMILIES)
    counters = {name for name, (kind, _, _) in FAMILIES.items() if kind == "counter"}
    assert counters == {name for name in FAMILIES if name.endswith("_total")}


NUMBERS = st.one_of(st.none(), st.integers(0, 1 << 60))


@given(st.dictionaries(st.text(min_size=1, max_size=20), NUMBERS, max_size=5), NUMBERS)
def test_prometheus_reads_whatever_is_known(currents, swapped):
    """Names as they may be, values that are not known among them."""
    containers = {name: container(**{"memory.current": value}) for name, value in currents.items()}
    taken = sample() | {"containers": containers, "warnings": {}}
    taken["zram"]["bd_count"] = swapped
    found = {
        (one.name, one.labels.get("name")): one.value
        for family in text_string_to_metric_families(exposition(taken, PAGE))
        for one in family.samples
    }
    for name, value in currents.items():
        assert found.get(("xnai_container_memory_current_bytes", name)) == (
            None if value is None else float(f"{value:.15g}")
        )
    assert ("xnai_zram_backing_bytes", None) in found or swapped is None
    assert found["xnai_zram_disksize_bytes", None] == 8192 * MIB
