"""What of a model decides how much memory it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from xnai.models.gguf import Header, NotAModel

# So many dimensions no model has.
_MOST = 1 << 24
_MOST_LAYERS = 4096


class NotKnown(Exception):
    """The model may be served, and what it needs cannot be told; the text says why."""


@dataclass(frozen=True)
class KeptLayer:
    """What one layer keeps of each token of the context.

    Attributes:
        key_values: numbers of its key.
        value_values: numbers of its value.
        window_tokens: it sees so many tokens back; 0: all.
    """

    key_values: int
    value_values: int
    window_tokens: int


@dataclass(frozen=True)
class Shape:
    """What of a model decides how much memory it needs.

    Attributes:
        name: its own, or empty.
        architecture: as llama.cpp calls it.
        weights_bytes: of all tensors.
        embedding: numbers of a token's state.
        feed_forward: numbers of the widest layer's inner state; of a mixture, of all experts that
            are asked together.
        layers: each of them.
        vocabulary: tokens that it knows.
        trained_tokens: the longest context that it was trained for.
    """

    name: str
    architecture: str
    weights_bytes: int
    embedding: int
    feed_forward: int
    layers: tuple[KeptLayer, ...]
    vocabulary: int
    trained_tokens: int


def shape(header: Header) -> Shape:
    """Return what a header says of a model's dimensions.

    Raises:
        NotAModel: it is a part of a model, or none.
        NotKnown: it does not say what is needed, or is of a kind that is not counted here.
    """
    values = header.values
    if isinstance(parts := values.get("split.count", 0), int) and parts > 1:
        raise NotAModel(
            f"it is one part of {parts}: join them with llama.cpp's llama-gguf-split --merge"
        )
    architecture = values.get("general.architecture")
    if not isinstance(architecture, str) or not re.fullmatch(r"[\w.-]{1,64}", architecture):
        raise NotAModel("its header names no architecture (general.architecture)")
    if states := [key for key in values if re.search(r"\.(ssm|wkv|shortconv)\.", key)]:
        raise NotKnown(
            f"it keeps a state of its own from token to token ({states[0]}), which is not counted "
            "here"
        )
    if header.tensors == 0:
        raise NotAModel("it has no tensors: it is a vocabulary or other metadata alone")
    own = _Own(header, architecture)
    layers = own.number("block_count", least=1, most=_MOST_LAYERS)
    embedding = own.number("embedding_length", least=1)
    feed_forward = max(own.each("feed_forward_length", layers))
    if used := own.number("expert_used_count", 0):
        asked = used * own.number("expert_feed_forward_length", feed_forward)
        shared = own.number("expert_shared_feed_forward_length", 0)
        feed_forward = max(feed_forward, asked + shared)
    vocabulary = header.lengths.get("tokenizer.ggml.tokens") or own.number("vocab_size", 0)
    return Shape(
        name=str(values.get("general.name", ""))[:200],
        architecture=architecture,
        weights_bytes=header.weights_bytes,
        embedding=embedding,
        feed_forward=feed_forward,
        layers=_layers(own, layers, embedding),
        vocabulary=vocabulary,
        trained_tokens=own.number("context_length", 0),
    )


class _Own:
    """The values of a model's own architecture."""

    def __init__(self, header: Header, architecture: str) -> None:
        self._header = header
        self.architecture = architecture

    def number(
        self, name: str, missing: int | None = None, *, least: int = 0, most: int = _MOST
    ) -> int:
        """Return a number."""
        value = self._value(name, missing)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self._refused(name, value, f"a number from {least} to {most}")
        return value

    def each(self, name: str, layers: int, missing: int | None = None) -> tuple[int, ...]:
        """Return one number a layer."""
        value = self._value(name, missing)
        if not isinstance(value, tuple):
            return (self.number(name, missing),) * layers
        if len(value) != layers or not all(
            isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= _MOST
            for one in value
        ):
            raise self._refused(name, value, f"{layers} numbers up to {_MOST}, one a layer")
        return value

    def _value(self, name: str, missing: int | None) -> Any:
        key = f"{self.architecture}.{name}"
        if key in self._header.lengths and key not in self._header.values:
            return f"{self._header.lengths[key]} values"
        return self._header.values.get(key, missing)

    def _refused(self, name: str, value: object, needed: str) -> NotKnown:
        shown = "nothing" if value is None else ascii(value)
        return NotKnown(
            f"its header has {shown[:80]} as {self.architecture}.{name}; needed is {needed}"
        )


def _layers(own: _Own, layers: int, embedding: int) -> tuple[KeptLayer, ...]:
    heads = own.each("attention.head_count", layers)
    key_heads = own.each("attention.head_count_kv", layers, max(heads))
    of_a_head = embedding // (max(heads) or 1)
    key = own.number("attention.key_length", of_a_head)
    value = own.number("attention.value_length", of_a_head)
    windows = _windows(own, layers)
    return tuple(
        KeptLayer(count * key, count * value, window)
        for count, window in zip(key_heads, windows, strict=True)
    )


# Of so many layers one sees the whole context, the last of them (llama.cpp's src/models, each
# architecture's load_arch_hparams). Others with a window are taken to have none: the more is said.
_PERIOD = {"gemma3": 6}


def _windows(own: _Own, layers: int) -> tuple[int, ...]:
    period = _PERIOD.get(own.architecture, 0)
    if not period:
        return (0,) * layers
    window = own.number("attention.sliding_window", 0)
    return tuple(0 if (at + 1) % period == 0 else window for at in range(layers))
