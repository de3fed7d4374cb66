"""What a model needs, and whether a machine holds it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit_settings import ROOT, make

from benchmarks.models.__main__ import table
from benchmarks.models.made import MODELS
from xnai.memory.model_fit import MemoryBudget, fit
from xnai.models.found import ModelFile
from xnai.models.needs import needs
from xnai.models.shape import KeptLayer, Shape
from xnai.run.model_files import parse, with_needs
from xnai.settings import layers
from xnai.settings.together import derived_misfits
from xnai.stack.catalogue import SCHEMA, derive, limits_and_swap_mib

MIB = 1 << 20
# Llama 3.2 1B in Q4_K: 16 layers, 8 heads of 64 for keys and for values.
ONE_B = Shape(
    "Llama", "llama", 663 * MIB, 2048, 8192, (KeptLayer(512, 512, 0),) * 16, 128_256, 131_072
)
# Gemma 3 1B: of six layers, five see 512 tokens.
GEMMA = Shape(
    "Gemma", "gemma3", 537 * MIB, 1152, 6912,
    tuple(KeptLayer(256, 256, 0 if at % 6 == 5 else 512) for at in range(26)), 262_144, 32_768,
)
LAPTOP = MemoryBudget(
    ram_mib=15_700, reserve_mib=3_140, zram_mib=12_288, ratio=2.0, others_mib=6_000,
    limit_mib=None, least_limit_mib=512, swap_mib=None,
)


@pytest.mark.parametrize(
    ("model", "tokens", "context_mib", "compute_mib"),
    [
        # As llama.cpp of xllamacpp 2026.10.11549 wrote them while it loaded such models.
        (ONE_B, 2048, 64.00, 70.02),
        (GEMMA, 2048, 8.00 + 22.00, 54.78),
        (GEMMA, 8192, 32.00 + 22.00, 60.78),
    ],
)
def test_the_parts_are_those_that_the_server_tells(model, tokens, context_mib, compute_mib):
    found = needs(model, tokens)
    assert found.context / MIB == pytest.approx(context_mib, abs=0.01)
    assert found.compute / MIB == pytest.approx(compute_mib, rel=0.02)


def test_a_context_is_rounded_up_to_256_tokens():
    assert needs(ONE_B, 257).context == needs(ONE_B, 512).context
    assert needs(ONE_B, 257).context_tokens == 257


def test_a_short_context_is_computed_in_smaller_parts():
    assert needs(ONE_B, 256).compute < needs(ONE_B, 512).compute / 1.9


@given(st.integers(1, 1 << 20), st.integers(1, 1 << 20))
def test_a_longer_context_needs_no_less(one, other):
    for model in (ONE_B, GEMMA):
        low, high = sorted((one, other))
        assert needs(model, low).total <= needs(model, high).total
        assert needs(model, low).limit_mib(512) * MIB >= needs(model, low).total


def test_a_model_fits_until_its_context_takes_the_ram():
    short = fit(ONE_B, 2048, LAPTOP)
    assert (short.binds, short.limit_mib) == ("", needs(ONE_B, 2048).limit_mib(512))
    large = replace(ONE_B, weights_bytes=12_000 * MIB)
    found = fit(large, 2048, LAPTOP)
    assert found.binds.startswith("RAM: ") and "beside 12000 MiB of weights" in found.binds
    assert found.longest_tokens == 0


def test_the_longest_context_that_fits_is_told_and_the_next_does_not_fit():
    machine = replace(LAPTOP, others_mib=13_000)
    longest = fit(ONE_B, 2048, machine).longest_tokens
    assert 2048 < longest < ONE_B.trained_tokens
    assert not fit(ONE_B, longest, machine).binds
    assert fit(ONE_B, longest + 256, machine).binds


def test_a_limit_that_was_set_binds_before_the_ram():
    found = fit(ONE_B, 2048, replace(LAPTOP, limit_mib=800))
    assert found.binds == "the memory limit of 800 MiB that was set for it"
    assert 0 < found.longest_tokens < 2048


def answer(**shape):
    return json.dumps({"shape": asdict(ONE_B) | shape})


def test_a_hosts_answer():
    (found,) = parse(["/m.gguf"], [answer()])
    assert found == ModelFile("/m.gguf", ONE_B)
    (wrong,) = parse(["/m.gguf"], ['{"why": "it is cut off", "wrong": true}'])
    assert (wrong.shape, wrong.why, wrong.wrong) == (None, "it is cut off", True)


@pytest.mark.parametrize("lines", [
    [], ["sh: 1: python3: not found"], ["{}"], ['{"shape": {"layers": []}}'],
    ["[]"], [answer(more=1)],
])
def test_an_answer_that_was_not_understood_is_not_known(lines):
    (found,) = parse(["/m.gguf"], lines, ["sh: 1: python3: not found"])
    assert found.shape is None and not found.wrong
    assert "the host said" in found.why and "python3 is needed" in found.why


def test_a_file_that_takes_too_long_takes_no_other_along():
    good, slow, after = parse(["/a", "/b", "/c"], [answer()])
    assert good.shape == ONE_B
    assert slow.why == after.why == "its header was not read within 60 s; the host said nothing"


def test_what_a_file_says_does_not_move_a_terminals_cursor():
    (said,) = parse(["/m"], [json.dumps({"why": "k\x1b[2J\n[host]", "wrong": False})])
    assert said.why == r"k\x1b[2J\n[host]"
    (named,) = parse(["/m"], [json.dumps({"shape": asdict(replace(ONE_B, name="a\u202eb"))})])
    assert named.shape and named.shape.name == r"a\u202eb"


def derived(models, **changes):
    settings = make().by_name()
    assert settings["llm_memory_limit_mib"] == 512
    checked, wrong = SCHEMA.check([layers.Layer("x", changes)])
    assert not wrong
    return derive(checked, 16 << 20, "UTC", with_needs(models, checked))


def test_the_limit_that_nobody_sets_is_what_the_model_needs():
    file = ModelFile("/m.gguf", ONE_B)
    settings = derived({"llm": file}, llm_model_file="/m.gguf", llm_context_tokens=4096)
    limit = needs(ONE_B, 4096).limit_mib(512)
    assert settings.memory["llm"].limit_mib == limit > 512
    # Weights are never in swap.
    assert settings.memory["llm"].swap_mib == (limit - 663) // 2
    assert limits_and_swap_mib(settings)["llm"] == (limit, (limit - 663) // 2)
    set_ = derived({"llm": file}, llm_model_file="/m.gguf", llm_memory_limit_mib=600)
    assert set_.memory["llm"].limit_mib == 600


def test_a_small_or_unknown_model_has_the_limit_of_the_shipped_one():
    for file in (ModelFile("/m.gguf", replace(ONE_B, weights_bytes=MIB, vocabulary=9)),
                 ModelFile("/m.gguf", why="it was not read")):
        settings = derived({"llm": file}, llm_model_file="/m.gguf")
        assert settings.memory["llm"].limit_mib == 512


def test_a_reservation_above_a_derived_limit_is_told():
    settings = derived({}, llm_memory_reservation_mib=4000)
    assert derived_misfits(settings.memory) == [
        "llm_memory_reservation_mib = 4000: must be at most llm_memory_limit_mib, which on this "
        "host is 512"
    ]
    assert derived_misfits(derived({}).memory) == []


def test_a_small_model_has_the_limit_that_a_deploy_gives_it():
    small = replace(ONE_B, weights_bytes=MIB, layers=ONE_B.layers[:1], vocabulary=100)
    assert fit(small, 256, LAPTOP).limit_mib == 512
    assert not fit(small, 256, replace(LAPTOP, ram_mib=9_910, zram_mib=0)).binds
    assert fit(small, 256, replace(LAPTOP, ram_mib=9_900, zram_mib=0)).binds


def test_where_the_training_is_not_told_the_setting_bounds_the_context():
    unknown = replace(GEMMA, trained_tokens=0)
    assert fit(unknown, 4096, replace(LAPTOP, others_mib=0)).longest_tokens > 32_768
    endless = replace(GEMMA, trained_tokens=10 << 20, weights_bytes=MIB)
    roomy = replace(LAPTOP, ram_mib=1 << 20, others_mib=0)
    assert fit(endless, 4096, roomy).longest_tokens == 1 << 20


def test_the_documentation_has_what_was_measured():
    kept = json.loads((ROOT / "benchmarks/results/models.json").read_text())["rows"]
    assert {row["model"] for row in kept} == set(MODELS) - {"tiny"}
    page = (ROOT / "docs/models.md").read_text()
    assert "\n".join(table(kept)) in page
    for row in kept:
        assert abs(row["predicted_mib"] - row["measured_mib"]) <= 0.1 * row["measured_mib"], row
