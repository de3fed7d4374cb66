"""The header of a GGUF file: against the format's own package, and whatever else is given."""

from __future__ import annotations

import os
import struct

import gguf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_gguf import write

from xnai.models.gguf import _BLOCKS, NotAModel, read
from xnai.models.shape import NotKnown, shape


def test_what_the_formats_own_package_wrote_is_read(tmp_path):
    path = write(
        tmp_path / "m.gguf", tokens=1000, tensors=3, general__name="A model",
        tokenizer__chat_template="x" * 10_000,
    )
    header = read(path)
    assert header.values["general.architecture"] == "llama"
    assert header.values["general.name"] == "A model"
    assert header.values["llama.block_count"] == 2
    assert header.lengths == {"tokenizer.ggml.tokens": 1000}
    assert "tokenizer.chat_template" not in header.values
    assert header.tensors == 3
    # 1,024 + 144 and the gap to the next multiple of 32 + 1,024.
    assert header.weights_bytes == 1024 + 160 + 1024
    assert header.file_bytes == path.stat().st_size


def test_the_tensor_types_are_those_of_the_formats_own_package():
    assert {int(kind): both for kind, both in gguf.GGML_QUANT_SIZES.items()} == _BLOCKS


def test_one_number_a_layer_is_kept(tmp_path):
    path = write(tmp_path / "m.gguf", values={"attention.head_count_kv": [2, 1]})
    assert read(path).values["llama.attention.head_count_kv"] == (2, 1)
    assert [layer.key_values for layer in shape(read(path)).layers] == [32, 16]


@pytest.mark.parametrize("at", [0, 3, 4, 7, 8, 20, 24, 30, 60, 200])
def test_a_file_that_is_cut_off_says_so(tmp_path, at):
    path = write(tmp_path / "m.gguf")
    os.truncate(path, at)
    with pytest.raises(NotAModel, match="cut off within its header"):
        read(path)


def test_a_file_whose_weights_are_cut_off_says_so(tmp_path):
    path = write(tmp_path / "m.gguf")
    size = path.stat().st_size
    os.truncate(path, size - 32)
    with pytest.raises(NotAModel, match=rf"cut off: its header tells of \d+ bytes.*{size - 32}"):
        read(path)


def test_what_is_no_model(tmp_path):
    path = tmp_path / "m.gguf"
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(NotAModel, match=r"begins with b'PK\\x03\\x04', where a GGUF file has"):
        read(path)
    path.write_bytes(b"GGUF" + struct.pack(">I", 3) + bytes(100))
    with pytest.raises(NotAModel, match="big-endian"):
        read(path)
    path.write_bytes(b"GGUF" + struct.pack("<I", 1) + bytes(100))
    with pytest.raises(NotAModel, match="version 1; read are versions 2 and 3"):
        read(path)
    with pytest.raises(NotAModel, match="cannot be read: No such file"):
        read(tmp_path / "none")
    with pytest.raises(NotAModel, match="no plain file"):
        read(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(NotAModel, match="no plain file"):
        read(tmp_path / "fifo")


def test_a_large_model_is_read_by_its_header_alone(tmp_path):
    path = write(tmp_path / "m.gguf")
    os.truncate(path, 100 << 30)
    assert read(path).file_bytes == 100 << 30


@pytest.mark.parametrize(
    ("at", "what"), [(8, "tensors"), (16, "keys")],
)
def test_a_damaged_count_ends_soon(tmp_path, at, what):
    path = write(tmp_path / "m.gguf")
    body = bytearray(path.read_bytes())
    body[at:at + 8] = struct.pack("<Q", 1 << 60)
    path.write_bytes(body)
    with pytest.raises(NotAModel, match=f"tells of {1 << 60} {what}"):
        read(path)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_changed_it_is_read_or_refused_in_words(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("gguf")
    body = bytearray(write(folder / "m.gguf").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "changed.gguf"
    path.write_bytes(body[: data.draw(st.integers(0, len(body)))])
    try:
        found = shape(read(path))
    except (NotAModel, NotKnown) as wrong:
        assert str(wrong).isprintable()
        assert len(str(wrong)) < 400
    else:
        assert 0 <= found.weights_bytes <= len(body)


@pytest.mark.parametrize(
    ("values", "more", "why"),
    [
        ({"block_count": None}, {}, "has nothing as llama.block_count; needed is a number"),
        ({"block_count": 0}, {}, "has 0 as llama.block_count"),
        ({"block_count": 5000}, {}, "has 5000 as llama.block_count"),
        ({"embedding_length": [1, 2]}, {"tensors": 0}, "no tensors"),
        ({"embedding_length": 0}, {}, "has 0 as llama.embedding_length"),
        ({}, {"split__count": 3}, "one part of 3.*llama-gguf-split --merge"),
        ({"attention.head_count": 1 << 31}, {}, "has 2147483648 as llama.attention.head_count"),
        ({"attention.head_count_kv": [2, 2, 2]}, {}, "needed is 2 numbers"),
        ({"attention.head_count_kv": ["2", "2"]}, {}, "'2 values' as llama.attention.head_count"),
        ({"ssm.state_size": 16}, {}, "keeps a state of its own"),
    ],
)
def test_what_is_needed_and_not_said(tmp_path, values, more, why):
    path = write(tmp_path / "m.gguf", values=values, **more)
    with pytest.raises((NotAModel, NotKnown), match=why):
        shape(read(path))


def test_of_a_mixture_the_widest_counts(tmp_path):
    experts = {"expert_used_count": 6, "expert_feed_forward_length": 20}
    dense = write(tmp_path / "dense.gguf", values=experts)
    assert shape(read(dense)).feed_forward == 128
    wide = write(tmp_path / "wide.gguf", values={**experts, "expert_feed_forward_length": 100})
    assert shape(read(wide)).feed_forward == 600


def test_only_what_is_asked_for_is_kept(tmp_path):
    path = write(tmp_path / "m.gguf", values={f"other.{n}": [1.0] * 4096 for n in range(50)})
    header = read(path)
    assert not any("other" in key for key in (*header.values, *header.lengths))


def test_a_header_that_is_made_up_ends_soon(tmp_path):
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k"
    path = tmp_path / "m.gguf"
    path.write_bytes(head + struct.pack("<IIQ", 9, 8, 1 << 30))
    os.truncate(path, 10 << 30)
    with pytest.raises(NotAModel, match="has 1073741824 texts"):
        read(path)
    path.write_bytes(head + struct.pack("<IIQ", 9, 0, 1 << 30))
    os.truncate(path, 10 << 30)
    with pytest.raises(NotAModel, match="header has more than 128 MiB"):
        read(path)


def test_names_of_its_own_are_shown_short_and_plain(tmp_path):
    name = b"\x1b]0;x\x07\n" + b"n" * 60_000
    path = tmp_path / "m.gguf"
    path.write_bytes(
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", len(name)) + name
        + struct.pack("<I", 99)
    )
    with pytest.raises(NotAModel) as wrong:
        read(path)
    assert str(wrong.value).isprintable() and len(str(wrong.value)) < 200
