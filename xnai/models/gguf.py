"""Read the header of a GGUF file: what model it is, and whether all of it is there.

Of the standard library alone, as it runs on hosts too. A file is whatever somebody downloaded:
every length is held against the file's own size before anything is read, and what is not needed
is passed over. Format: the GGUF specification of ggml, versions 2 and 3.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

# What no model has, so that a damaged or made up header ends soon. The longest real ones, with
# vocabularies of 262,144 tokens and their merges, have some 20 MB.
_MOST_HEADER_BYTES = 128 << 20
_MOST_KEYS = 65_536
_MOST_TEXTS = 1 << 22
_MOST_TENSORS = 1 << 20
_MOST_DIMENSIONS = 4
_MOST_WEIGHTS = 1 << 50
_LONGEST_NAME = 65_535
_LONGEST_TEXT = 4096
# Values of an array that are kept: one a layer.
_MOST_KEPT = 4096
# What anybody asks a header for; the rest is passed over.
_ASKED = re.compile(
    r"general\.(?:architecture|name|alignment)|split\.count|tokenizer\.ggml\.tokens"
    r"|[\w-]+\.(?:block_count|context_length|embedding_length|(?:expert_|expert_shared_)?"
    r"feed_forward_length|expert_used_count|vocab_size|(?:ssm|wkv|shortconv)\.[\w.]+"
    r"|attention\.(?:head_count|head_count_kv|key_length|value_length|sliding_window))"
)

_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9

# ggml's tensor types: number -> weights in a block, bytes of it (ggml/src/ggml.c, type traits).
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 40), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36),
    41: (128, 18),
}


class NotAModel(Exception):
    """The file is no GGUF file that can be served; the text says what was found."""


@dataclass(frozen=True)
class Header:
    """What the header of a GGUF file says.

    Attributes:
        values: key -> number, text, or tuple of numbers, of the keys that are asked for; long texts
            and arrays of texts are not among them.
        lengths: key -> number of values of each such array.
        weights_bytes: of all tensors, with the gaps between them.
        tensors: how many there are.
        file_bytes: size of the file.
    """

    values: Mapping[str, Any]
    lengths: Mapping[str, int]
    weights_bytes: int
    tensors: int
    file_bytes: int


def read(path: Path) -> Header:
    """Return the header of a file.

    Args:
        path: of a plain file.

    Raises:
        NotAModel: it is not there, cannot be read, is something else, or is cut off.
    """
    try:
        # A FIFO would wait for its writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotAModel(f"it cannot be read: {error.strerror}") from None
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise NotAModel("it is no plain file")
    with open(handle, "rb", buffering=1 << 18) as file:  # noqa: PTH123  (a descriptor)
        try:
            return _HeaderReader(file, found.st_size).header()
        except OSError as error:
            raise NotAModel(f"it cannot be read: {error.strerror}") from None


def _short(text: object) -> str:
    """A text of the file's own for a message: it cannot move a cursor, and is not long."""
    shown = ascii(text)
    return shown if len(shown) <= 80 else f"{shown[:80]}..."


class _HeaderReader:
    """A file that is read from its start, and never past its end."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._size = size
        self._at = 0

    def header(self) -> Header:
        magic = self._bytes(4, "its first four bytes")
        if magic != b"GGUF":
            raise NotAModel(f"it begins with {magic!r}, where a GGUF file has b'GGUF'")
        version = self._number("<I", "its version")
        if version not in (2, 3):
            other = "in big-endian order" if version & 0xFFFF == 0 else f"version {version}"
            raise NotAModel(f"it is GGUF {other}; read are versions 2 and 3 in little-endian order")
        tensors = self._count("<Q", "tensors", _MOST_TENSORS)
        values: dict[str, Any] = {}
        lengths: dict[str, int] = {}
        for _ in range(self._count("<Q", "keys", _MOST_KEYS)):
            key = self._text(_LONGEST_NAME, "a key")
            self._value(key, self._number("<I", f"the type of {_short(key)}"), values, lengths)
        end = max((self._tensor() for _ in range(tensors)), default=0)
        alignment = values.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
            raise NotAModel(f"general.alignment is {_short(alignment)}")
        start = -(-self._at // alignment) * alignment
        if tensors and start + end > self._size:
            raise NotAModel(
                f"it is cut off: its header tells of {start + end} bytes, the file has {self._size}"
            )
        return Header(values, lengths, end, tensors, self._size)

    def _hold(self, size: int, what: str) -> None:
        """Refuse what goes past the end of the file, or past what a header has."""
        if size > self._size - self._at:
            raise NotAModel(f"it is cut off within its header, at {what} (byte {self._at})")
        if self._at + size > _MOST_HEADER_BYTES:
            raise NotAModel(
                f"its header has more than {_MOST_HEADER_BYTES >> 20} MiB, at {what} "
                f"(byte {self._at})"
            )

    def _bytes(self, size: int, what: str) -> bytes:
        self._hold(size, what)
        data = self._file.read(size)
        if len(data) != size:
            raise NotAModel(f"it became shorter while it was read, at {what} (byte {self._at})")
        self._at += size
        return data

    def _skip(self, size: int, what: str) -> None:
        self._hold(size, what)
        self._file.seek(size, os.SEEK_CUR)
        self._at += size

    def _number(self, form: str, what: str) -> Any:
        return struct.unpack(form, self._bytes(struct.calcsize(form), what))[0]

    def _count(self, form: str, what: str, most: int) -> int:
        count: int = self._number(form, f"the number of {what}")
        if count > most:
            raise NotAModel(f"its header tells of {count} {what}; a model has at most {most}")
        return count

    def _text(self, longest: int, what: str) -> str:
        size = self._number("<Q", f"the length of {what}")
        if size > longest:
            raise NotAModel(f"{what} has {size} bytes, at most {longest} are allowed")
        return self._bytes(size, what).decode("utf-8", "replace")

    def _value(
        self, key: str, kind: int, values: dict[str, Any], lengths: dict[str, int]
    ) -> None:
        what, asked = _short(key), bool(_ASKED.fullmatch(key))
        if kind in _SCALARS:
            number = self._number(_SCALARS[kind], what)
            if asked:
                values[key] = number
        elif kind == _STRING:
            size = self._number("<Q", f"the length of {what}")
            if asked and size <= _LONGEST_TEXT:
                values[key] = self._bytes(size, what).decode("utf-8", "replace")
            else:
                self._skip(size, what)
        elif kind == _ARRAY:
            of = self._number("<I", f"the type of {what}")
            count: int = self._number("<Q", f"the length of {what}")
            found = self._array(what, of, count, asked)
            if asked:
                lengths[key] = count
            if found is not None:
                values[key] = found
        else:
            raise NotAModel(f"{what} is of type {kind}, which GGUF does not have")

    def _array(self, what: str, kind: int, count: int, asked: bool) -> tuple[Any, ...] | None:
        """Pass an array; return its numbers where they are asked for, and few."""
        if kind in _SCALARS:
            size = struct.calcsize(_SCALARS[kind])
            if asked and count <= _MOST_KEPT:
                return struct.unpack(
                    f"<{count}{_SCALARS[kind][1]}", self._bytes(size * count, what)
                )
            self._skip(size * count, what)
        elif kind == _STRING:
            if count > _MOST_TEXTS:
                raise NotAModel(f"{what} has {count} texts; a model has at most {_MOST_TEXTS}")
            for _ in range(count):
                self._skip(self._number("<Q", what), what)
        else:
            raise NotAModel(f"{what} is an array of type {kind}, which no model has")
        return None

    def _tensor(self) -> int:
        """Return where its data end, counted from where those of all begin."""
        name = _short(self._text(_LONGEST_NAME, "a tensor's name"))
        dimensions = self._count("<I", f"dimensions of {name}", _MOST_DIMENSIONS)
        weights = 1
        for _ in range(dimensions):
            weights *= self._number("<Q", name)
        if weights > _MOST_WEIGHTS:
            raise NotAModel(f"its tensor {name} has {weights:.1e} weights, which no model has")
        kind = self._number("<I", name)
        offset: int = self._number("<Q", name)
        # Of a type that is newer than this table only the start is known.
        of, size = _BLOCKS.get(kind, (1, 0))
        return offset + weights // of * size
