"""GGUF files as the format's own package writes them."""

from __future__ import annotations

import gguf
import numpy


def write(path, architecture="llama", tokens=10, tensors=2, values=None, **more):
    """Write a small file: `values` are the architecture's own keys, `more` any others.

    Its tensors are of 256 weights each, by turns in 32-bit numbers and Q4_K.
    """
    writer = gguf.GGUFWriter(path, architecture)
    defaults = {
        "block_count": 2, "context_length": 4096, "embedding_length": 64,
        "feed_forward_length": 128, "attention.head_count": 4, "attention.head_count_kv": 2,
    }
    for key, value in {**defaults, **(values or {})}.items():
        if isinstance(value, list):
            writer.add_array(f"{architecture}.{key}", value)
        elif isinstance(value, str):
            writer.add_string(f"{architecture}.{key}", value)
        elif value is not None:
            writer.add_uint32(f"{architecture}.{key}", value)
    for key, value in more.items():
        writer.add_key_value(
            key.replace("__", "."), value,
            gguf.GGUFValueType.STRING if isinstance(value, str) else gguf.GGUFValueType.UINT32,
        )
    if tokens:
        writer.add_token_list([f"token {n}" for n in range(tokens)])
    for number in range(tensors):
        if number % 2:
            block = numpy.zeros((1, 144), dtype=numpy.uint8)
            writer.add_tensor(f"blk.{number}", block, raw_dtype=gguf.GGMLQuantizationType.Q4_K)
        else:
            writer.add_tensor(f"blk.{number}", numpy.zeros(256, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
