"""When the sampler warns, and when that ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampler_samples import LIMITS, MIB, PAGE, container, sample

from xnai.programs.sampler.thresholds import KILLS_TOLD_S, Watch

A_MINUTE = range(0, 61, 15)


def watch() -> Watch:
    return Watch(LIMITS, PAGE)


def told(one: Watch, samples: list[dict[str, object]], start_s: float = 0.0) -> list[str]:
    """What changed while samples were taken each 15 s."""
    return [
        change.words for number, taken in enumerate(samples)
        for change in one.look(taken, start_s + 15 * number)
    ]


def test_a_machine_that_is_well_is_not_warned_of():
    one = watch()
    assert told(one, [sample(swapped_in=100 * n, waited_us=n) for n in range(10)]) == []
    assert one.raised == {} and set(one.state.values()) == {False}


@pytest.mark.parametrize(
    ("kind", "samples", "words"),
    [
        ("zram_fill", [sample(fill_pct=93)],
         "zram0 is 93 % full of its disksize (warns above 90: memory_warn_zram_fill_pct)"),
        ("zram_ratio", [sample(ratio=1.2)],
         "zram0 compresses 1.2 : 1 (warns below 1.5: memory_warn_zram_ratio)"),
        ("swap_in", [sample(swapped_in=at * 100 * MIB // PAGE) for at in A_MINUTE],
         "100 MiB/s come back from swap (warns above 64: memory_warn_swap_in_mib_per_s)"),
        ("pressure", [sample(waited_us=at * 250_000) for at in A_MINUTE],
         "processes waited for memory in 25 % of the last minute (warns above 10: "
         "memory_warn_pressure_pct)"),
        ("refaults", [sample(refaulted=at * 80 * MIB // PAGE) for at in A_MINUTE],
         "80 MiB/s of file pages are read again, such as a model's (warns above 64: "
         "memory_warn_refault_mib_per_s)"),
    ],
)
def test_each_threshold(kind, samples, words):
    one = watch()
    assert told(one, samples) == [words]
    assert one.raised == {kind: words} and one.state[kind] is True


def test_a_warning_is_told_once_and_ends_well_below_its_threshold():
    one = watch()
    fills = [91, 95, 89, 91, 73, 71, 50, 91]
    assert told(one, [sample(fill_pct=fill) for fill in fills]) == [
        "zram0 is 91 % full of its disksize (warns above 90: memory_warn_zram_fill_pct)",
        "no longer: zram0 is 71 % full of its disksize, after 75 s",
        "zram0 is 91 % full of its disksize (warns above 90: memory_warn_zram_fill_pct)",
    ]


def test_a_burst_shorter_than_half_a_minute_is_no_rate():
    one = watch()
    assert told(one, [sample(), sample(swapped_in=10**9)]) == []
    assert one.state["swap_in"] is None


def test_what_is_not_known_neither_begins_nor_ends_a_warning():
    one = watch()
    told(one, [sample(fill_pct=95)])
    unread = sample()
    unread["zram"]["orig_data_size"] = None
    assert told(one, [unread], 15) == []
    assert "zram_fill" in one.raised and one.state["zram_fill"] is None
    assert told(watch(), [sample(waited_us=None) for _ in A_MINUTE]) == []


def test_a_few_pages_have_no_ratio():
    assert told(watch(), [sample(fill_pct=1, ratio=1.0)]) == []


@pytest.mark.parametrize(
    ("after", "ended"),
    [
        (sample(fill_pct=1, ratio=1.2), ["zram0 is 1 % full of its disksize",
                                         "zram0 is all but empty"]),
        (sample() | {"zram": None}, ["zram0 is 0 % full of its disksize",
                                     "zram0 is all but empty"]),
    ],
)
def test_a_warning_ends_where_there_is_nothing_left_to_warn_of(after, ended):
    one = watch()
    assert len(told(one, [sample(fill_pct=95, ratio=1.2)])) == 2
    assert told(one, [after], 15) == [f"no longer: {words}, after 15 s" for words in ended]
    assert one.raised == {}


def test_kills_are_told_each_time_with_their_container_and_for_an_hour():
    one = watch()
    well, killed = container(), container(events={"oom_kill": 1})
    # One that was started again has a control group of its own, whose counters begin anew.
    anew = container(**{"memory.peak": 1})
    assert told(one, [
        sample(kills=5, xnai_llm=well, a=well, b=well, c=None),
        sample(kills=6, xnai_llm=killed, a=well, b=well, c=None),
        sample(kills=6, xnai_llm=killed, a=well, b=well, c=None),
        sample(kills=8, xnai_llm=killed, a=anew, c=well),
        sample(kills=9, xnai_llm=killed, a=anew, c=well),
    ]) == [
        "kills for want of memory: 1 in xnai_llm (sudo dmesg)",
        "kills for want of memory: 2; ended meanwhile: a, b (sudo dmesg)",
        "kills for want of memory: 1 (sudo dmesg)",
    ]
    assert one.raised == {"oom_kill": "4 kills for want of memory"} and one.state["oom_kill"]
    assert one.look(sample(kills=9), 60 + KILLS_TOLD_S) == []
    (change,) = one.look(sample(kills=9), 61 + KILLS_TOLD_S)
    assert (change.began, change.words) == (False, "no more kills for want of memory")
    assert one.raised == {} and one.state["oom_kill"] is False


def test_kills_of_before_the_first_sample_are_none_of_its():
    assert told(watch(), [sample(kills=7), sample(kills=7)]) == []


@given(st.lists(st.tuples(
    st.floats(0, 100), st.floats(1, 6), st.integers(0, 10**7), st.one_of(st.none(), st.integers(0)),
    st.integers(0, 50), st.floats(1, 400),
), max_size=30))
def test_what_is_raised_was_told_and_what_ended_had_begun(taken):
    """Whatever the counters do, a clock that stood still or one that was reset among it."""
    one, now_s, open_ = watch(), 0.0, set()
    for fill, ratio, pages, waited, kills, step_s in taken:
        now_s += step_s
        for change in one.look(
            sample(fill_pct=fill, ratio=ratio, swapped_in=pages, waited_us=waited, kills=kills),
            now_s,
        ):
            if change.kind != "oom_kill":
                assert change.began == (change.kind not in open_)
                open_ ^= {change.kind}
        assert set(one.raised) - {"oom_kill"} == open_
