"""From samples to figures: each against numbers that are known, and what is not read is unknown."""

from __future__ import annotations

import json

import pytest
from baseline_runs import MIB, lines, request, sample
from hypothesis import given
from hypothesis import strategies as st

from xnai.baseline.model import BrokenSamples, MeasuredRun, read
from xnai.baseline.summary import of_phase, percentile, summary


def test_the_figures_of_a_phase():
    found = of_phase(read(lines()), "steady state")
    assert found["ram_used_mib"] == {"least": 3072, "median": 3072, "most": 3072}
    assert found["swap_used_mib"]["median"] == 1024
    assert found["zram_ratio"]["median"] == 4
    # 256 pages of 4 KiB a second.
    assert found["swap_in_mib_per_s"] == 1 and found["swap_out_mib_per_s"] == 2
    assert found["refault_anon_mib_per_s"] == 0 and found["refault_file_mib_per_s"] == 0.5
    # 100,000 microseconds of waiting a second.
    assert found["psi_memory_some_pct"] == 10 and found["psi_memory_full_pct"] == 2
    # Killed before this run began.
    assert found["oom_kills"] == 0
    redis = found["containers"]["xnai_redis"]
    assert redis["current_mib"]["most"] == 100 and redis["peak_mib"] == 150
    # Half of what is swapped is its own, and so is half of what zram holds.
    assert redis["zram_share_mib"] == 135
    assert redis["psi_some_pct"] == 5 and redis["at_limit"] == 0


def test_what_was_not_read_is_not_known_and_never_nothing():
    found = of_phase(read(lines()), "steady state")
    assert found["psi_cpu_some_pct"] is None
    assert found["zswap_mib"] == {"least": None, "median": None, "most": None}
    gone = [sample("load", t, zram=None, vmstat={}, containers={"xnai_redis": None})
            for t in range(3)]
    found = of_phase(MeasuredRun(tuple(gone), (), {}), "load")
    assert found["zram_ratio"]["median"] is None and found["swap_in_mib_per_s"] is None
    assert found["oom_kills"] is None
    assert found["containers"]["xnai_redis"]["peak_mib"] is None
    assert of_phase(MeasuredRun(tuple(gone), (), {}), "recovery") is None


def test_a_counter_that_began_anew_is_not_known():
    """A container that was started anew has another control group, which counts from 0."""
    runs = [sample("load", t) for t in range(4)]
    for t, one in enumerate(runs):
        one["containers"]["xnai_redis"]["events"]["oom_kill"] = 5 if t < 2 else 0
    found = of_phase(MeasuredRun(tuple(runs), (), {}), "load")
    assert found["containers"]["xnai_redis"]["oom_kills"] is None


def test_requests():
    found = summary(read(lines(request(1, 2.0), request(2, 9.0), request(3, 4.0),
                               request(4, 0.1, "HTTP 503"))))["requests"]
    assert (found["requests"], found["failed"]) == (4, 1)
    assert (found["median_s"], found["p95_s"], found["most_s"]) == (4.0, 9.0, 9.0)
    assert found["errors"] == ["HTTP 503"]
    none = summary(read(lines()))["requests"]
    assert none["requests"] == 0 and none["median_s"] is None


def test_what_happened_meanwhile_is_told():
    found = summary(read(lines(
        {"event": "restarted", "container": "xnai_llm", "t_s": 12},
        {"event": "clock", "jumped_s": -3600.0, "t_s": 13},
        {"event": "healthy", "after_s": 41.5, "t_s": 1},
    )))
    assert found["restarted"] == ["xnai_llm"] and found["clock_jumps_s"] == [-3600.0]
    assert found["healthy_after_s"] == 41.5
    assert found["machine"]["ram_mib"] == 4096 and found["machine"]["zram_mib"] == 8192


@pytest.mark.parametrize(
    ("text", "said"),
    [([], "0 samples, and no end"), (lines(end=False), "30 samples, and no end"),
     (["{"], "line 1 is no JSON")],
)
def test_what_was_cut_off_is_no_run(text, said):
    with pytest.raises(BrokenSamples, match=said):
        read(text)


def test_a_run_that_is_cut_anywhere_is_none():
    whole = "\n".join(lines())
    for end in range(0, len(whole), 997):
        with pytest.raises(BrokenSamples):
            read(whole[:end].splitlines())
    assert len(read(whole.splitlines()).samples) == 30


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_a_value_with_so_many_at_or_below_it(values, pct):
    values.sort()
    found = percentile(values, pct)
    assert found in values
    assert sum(one <= found for one in values) * 100 >= pct * len(values)


def test_figures_are_the_same_for_the_same_samples():
    assert json.dumps(summary(read(lines()))) == json.dumps(summary(read(lines())))
    assert MIB == 1 << 20
