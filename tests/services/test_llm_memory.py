"""The language model's service holds what `xnai fit` says, and its weights once."""

from __future__ import annotations

from dataclasses import replace

from test_own_tests import environment

from benchmarks.models.made import MODELS, make
from benchmarks.models.served import held_mib
from xnai.models.gguf import read
from xnai.models.needs import needs
from xnai.models.shape import shape


def test_a_model_takes_what_its_header_says_and_its_weights_once(tmp_path):
    # In Q4_K, which llama.cpp copies by default where the processor has AVX2.
    few_layers = replace(MODELS["llama3.2-1b"], layers=4, vocabulary=20_000)
    path = tmp_path / "model.gguf"
    make(path, few_layers)
    most, anonymous, of_files = held_mib(environment("llm"), path, 1024)
    wanted = needs(shape(read(path)), 1024)
    weights = wanted.weights / 2**20
    print(f"\n{wanted.terms()}; seen {most:.0f}, anonymous {anonymous:.0f}, files {of_files:.0f}")
    assert weights > 130
    assert anonymous < (wanted.total - wanted.weights) / 2**20 + 10
    assert abs(most - wanted.total / 2**20) < 0.1 * most
