"""The memory that llama.cpp's server, as `python -m llm` starts it, needs for a model."""

from __future__ import annotations

import math
from dataclasses import dataclass

from xnai.models.shape import Shape

# Tokens that are computed at a time (n_ubatch), and to which a context is rounded up.
_BATCH_TOKENS = 512
_CONTEXT_STEP_TOKENS = 256
# Keys and values are kept as 16-bit numbers, states are computed with 32-bit ones.
_KEPT_BYTES, _STATE_BYTES, _MASK_BYTES = 2, 4, 2
# Python, llama.cpp and its threads; what a token of the vocabulary takes, its merges included.
# Measured, with the rest of this file: benchmarks/models, xllamacpp 2026.10.
_SERVER_BYTES = 40 << 20
_TOKEN_BYTES = 300

_MIB = 1 << 20
# As the setting has it.
_MOST_LIMIT_MIB = 1 << 20


@dataclass(frozen=True)
class Needs:
    """What a model needs, in bytes.

    Attributes:
        weights: pages of the model's file, which are in RAM or on the disk and never in swap.
        context: keys and values of all tokens, held from the start.
        compute: states of the tokens that are computed at a time.
        server: the program and the vocabulary.
        context_tokens: the context that it was computed for.
    """

    weights: int
    context: int
    compute: int
    server: int
    context_tokens: int

    @property
    def total(self) -> int:
        """The sum."""
        return self.weights + self.context + self.compute + self.server

    @property
    def total_mib(self) -> int:
        """The sum in MiB, rounded up."""
        return math.ceil(self.total / _MIB)

    def terms(self) -> str:
        """Return the sum with its parts."""
        return (
            f"{self.total_mib} MiB: weights {self.weights // _MIB}, context of "
            f"{self.context_tokens} tokens {self.context // _MIB}, computing "
            f"{self.compute // _MIB}, server {self.server // _MIB}"
        )

    def limit_mib(self, least_mib: int) -> int:
        """Return the memory limit to give it: the sum and a tenth, in steps of 64 MiB.

        The tenth is for the kernel's page tables, for the image's files, and for the error of the
        estimate.

        Args:
            least_mib: the least that is returned.
        """
        wanted = math.ceil(self.total * 1.1 / _MIB / 64) * 64
        return min(max(least_mib, wanted), _MOST_LIMIT_MIB)

    def swap_mib(self, limit_mib: int) -> int:
        """Return its swap allowance: half of its limit without the weights, which never swap.

        Args:
            limit_mib: its memory limit.
        """
        # A file's pages are never in swap.
        return max(0, limit_mib - (self.weights >> 20)) // 2


def needs(model: Shape, context_tokens: int) -> Needs:
    """Return what a model needs.

    Args:
        model: its dimensions.
        context_tokens: length of the context, at least 1. Memory is held for all of it, also
            beyond the length that the model was trained for.
    """
    cells = _rounded(context_tokens)
    context = sum(
        (layer.key_values + layer.value_values) * _KEPT_BYTES * _cells(layer.window_tokens, cells)
        for layer in model.layers
    )
    batch = min(_BATCH_TOKENS, cells)
    # The widest moment: three inner states of the feed-forward layer and five of the model's, and
    # which token sees which.
    states = 3 * model.feed_forward + 5 * model.embedding
    return Needs(
        weights=model.weights_bytes,
        context=context,
        compute=batch * (states * _STATE_BYTES + cells * _MASK_BYTES),
        server=_SERVER_BYTES + model.vocabulary * _TOKEN_BYTES,
        context_tokens=context_tokens,
    )


def _rounded(tokens: int) -> int:
    return math.ceil(tokens / _CONTEXT_STEP_TOKENS) * _CONTEXT_STEP_TOKENS


def _cells(window_tokens: int, cells: int) -> int:
    """Return for how many tokens a layer keeps something."""
    return min(cells, _rounded(window_tokens + _BATCH_TOKENS)) if window_tokens else cells
