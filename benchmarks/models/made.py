"""Model files of true dimensions with random weights: as large as the real ones, and as slow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

# Weights are repeated after so many blocks: what they are changes no size.
_TILE_BLOCKS = 65_536
# Of a block's bytes, those that hold 16-bit scales: random ones would be no numbers.
_SCALES = {Kind.Q4_0: (0,), Kind.Q8_0: (0,), Kind.Q4_K: (0, 2)}
_SCALE = np.frombuffer(np.float16(0.003).tobytes(), np.uint8)
# The 256 bytes are tokens, and so is each pair of them, by a merge.
_MERGES = 65_536


@dataclass(frozen=True)
class Dimensions:
    """A model that exists, by the numbers of its published configuration.

    Attributes:
        architecture: as llama.cpp calls it.
        layers: how many.
        embedding: numbers of a token's state.
        feed_forward: of a layer's inner state; of a mixture, of one expert.
        heads: of attention.
        key_heads: of keys and values.
        head: numbers of a head.
        vocabulary: tokens.
        tied: the last layer's weights are the first's.
        kind: of the weights.
        experts: of a mixture, how many there are and how many are asked.
        window: tokens that a layer of local attention sees; 0: it has none.
    """

    architecture: str
    layers: int
    embedding: int
    feed_forward: int
    heads: int
    key_heads: int
    head: int
    vocabulary: int
    tied: bool
    kind: Kind
    experts: tuple[int, int] = (0, 0)
    window: int = 0


MODELS = {
    "tiny": Dimensions("llama", 1, 256, 256, 4, 4, 64, 300, True, Kind.Q4_0),
    "qwen2-0.5b": Dimensions("qwen2", 24, 896, 4864, 14, 2, 64, 151_936, True, Kind.Q8_0),
    "gemma3-1b": Dimensions(
        "gemma3", 26, 1152, 6912, 4, 1, 256, 262_144, True, Kind.Q4_0, window=512
    ),
    "llama3.2-1b": Dimensions("llama", 16, 2048, 8192, 32, 8, 64, 128_256, True, Kind.Q4_K),
    "qwen3-1.7b": Dimensions("qwen3", 28, 2048, 6144, 16, 8, 128, 151_936, True, Kind.Q4_K),
    "phi3-3.8b": Dimensions("phi3", 32, 3072, 8192, 32, 32, 96, 32_064, False, Kind.Q4_K),
    "olmoe-7b": Dimensions(
        "olmoe", 16, 2048, 1024, 16, 16, 128, 50_304, False, Kind.Q4_K, experts=(64, 8)
    ),
    "llama2-7b": Dimensions("llama", 32, 4096, 11_008, 32, 32, 128, 32_000, False, Kind.Q4_0),
    "mistral-7b": Dimensions("llama", 32, 4096, 14_336, 32, 8, 128, 32_768, False, Kind.Q4_K),
}
"""Name -> what it is; the first is what the server takes without a model worth the name."""

Tensor = tuple[str, tuple[int, ...], Kind]


def make(path: Path, one: Dimensions) -> None:
    """Write a model's file.

    Args:
        path: where.
        one: what it is.
    """
    writer = gguf.GGUFWriter(path, one.architecture)
    _keys(writer, one)
    tensors = list(_tensors(one))
    for name, shape, kind in tensors:
        of, size = gguf.GGML_QUANT_SIZES[kind]
        if kind == Kind.F32:
            writer.add_tensor_info(name, shape, np.dtype(np.float32), int(np.prod(shape)) * 4)
        else:
            rows = (*shape[:-1], shape[-1] // of * size)
            writer.add_tensor_info(
                name, rows, np.dtype(np.uint8), int(np.prod(rows)), raw_dtype=kind
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    tiles = {kind: _tile(kind) for kind in {kind for _, _, kind in tensors} - {Kind.F32}}
    for _, shape, kind in tensors:
        if kind == Kind.F32:
            writer.write_tensor_data(np.full(shape, 0.02, np.float32))
            continue
        of, size = gguf.GGML_QUANT_SIZES[kind]
        data = np.resize(tiles[kind], int(np.prod(shape)) // of * size)
        writer.write_tensor_data(data.reshape(*shape[:-1], -1))
    writer.close()


def _keys(writer: gguf.GGUFWriter, one: Dimensions) -> None:
    writer.add_block_count(one.layers)
    writer.add_context_length(32_768)
    writer.add_embedding_length(one.embedding)
    writer.add_feed_forward_length(one.feed_forward)
    writer.add_head_count(one.heads)
    writer.add_head_count_kv(one.key_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000)
    writer.add_rope_dimension_count(one.head)
    writer.add_key_length(one.head)
    writer.add_value_length(one.head)
    if one.window:
        writer.add_sliding_window(one.window)
    if one.experts[0]:
        writer.add_expert_count(one.experts[0])
        writer.add_expert_used_count(one.experts[1])
    letters = _letters()
    pairs = [a + b for a, b in itertools.product(letters, letters)][:_MERGES]
    filled = (f"<filled {n}>" for n in itertools.count())
    tokens = list(itertools.islice(itertools.chain(letters, pairs, filled), one.vocabulary))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * len(tokens))
    merges = min(len(pairs), len(tokens) - len(letters))
    writer.add_token_merges([f"{pair[0]} {pair[1]}" for pair in pairs[:merges]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def _letters() -> list[str]:
    """The 256 bytes as printable characters, in GPT-2's way: others are moved behind them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + at) for at in range(len(others))]


def _tensors(one: Dimensions) -> Iterator[Tensor]:
    """Yield name, shape and kind of each, rows first, as llama.cpp's architectures want them."""

    def weights(name: str, *shape: int) -> Tensor:
        # A row must be whole blocks.
        whole = shape[-1] % gguf.GGML_QUANT_SIZES[one.kind][0] == 0
        return f"{name}.weight", shape, one.kind if whole else Kind.Q8_0

    def plain(name: str, *shape: int) -> Tensor:
        return name, shape, Kind.F32

    wide, inner = one.embedding, one.feed_forward
    queries, keys = one.heads * one.head, one.key_heads * one.head
    yield weights("token_embd", one.vocabulary, wide)
    yield plain("output_norm.weight", wide)
    if not one.tied:
        yield weights("output", one.vocabulary, wide)
    for number in range(one.layers):
        layer = f"blk.{number}."
        yield plain(f"{layer}attn_norm.weight", wide)
        yield plain(f"{layer}ffn_norm.weight", wide)
        yield weights(f"{layer}attn_output", wide, queries)
        if one.architecture == "phi3":
            yield weights(f"{layer}attn_qkv", queries + 2 * keys, wide)
            yield weights(f"{layer}ffn_up", 2 * inner, wide)
            yield weights(f"{layer}ffn_down", wide, inner)
            continue
        for part, size in (("q", queries), ("k", keys), ("v", keys)):
            yield weights(f"{layer}attn_{part}", size, wide)
            if one.architecture == "qwen2":
                yield plain(f"{layer}attn_{part}.bias", size)
        if one.architecture in ("qwen3", "gemma3", "olmoe"):
            each = one.architecture == "olmoe"
            yield plain(f"{layer}attn_q_norm.weight", queries if each else one.head)
            yield plain(f"{layer}attn_k_norm.weight", keys if each else one.head)
        if one.architecture == "gemma3":
            yield plain(f"{layer}post_attention_norm.weight", wide)
            yield plain(f"{layer}post_ffw_norm.weight", wide)
        if experts := one.experts[0]:
            yield plain(f"{layer}ffn_gate_inp.weight", experts, wide)
            yield weights(f"{layer}ffn_gate_exps", experts, inner, wide)
            yield weights(f"{layer}ffn_up_exps", experts, inner, wide)
            yield weights(f"{layer}ffn_down_exps", experts, wide, inner)
        else:
            yield weights(f"{layer}ffn_gate", inner, wide)
            yield weights(f"{layer}ffn_up", inner, wide)
            yield weights(f"{layer}ffn_down", wide, inner)


def _tile(kind: Kind) -> np.ndarray[Any, np.dtype[np.uint8]]:
    _, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = np.random.default_rng(1).integers(0, 256, (_TILE_BLOCKS, size), dtype=np.uint8)
    for at in _SCALES[kind]:
        blocks[:, at : at + 2] = _SCALE
    return blocks.reshape(-1)
