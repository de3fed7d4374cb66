"""From texts to vectors, offline: the model's weights are part of the package wordllama."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

# A batch is padded to its longest text, and each token takes a kilobyte.
_BATCH = 4


class Embedder(Protocol):
    """What the index needs of a model.

    Attributes:
        name: of the model; vectors of another name do not compare with its vectors.
        dimension: the length of a vector.
    """

    name: str
    dimension: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return a row of length 1 for each text (of length 0 for a text without words)."""


class WordLlamaEmbedder:
    """WordLlama's l2_supercat: averaged token vectors; needs no GPU and a millisecond a text."""

    name = "wordllama l2_supercat"
    dimension = 256

    def __init__(self) -> None:
        # wordllama asks for the home directory while it is imported, and fails without one.
        os.environ.setdefault("HOME", tempfile.gettempdir())
        from wordllama import WordLlama

        spec = importlib.util.find_spec("wordllama")
        if spec is None or spec.origin is None:
            raise RuntimeError("wordllama is not installed")
        # With the package itself as the cache both files are found: left alone, it looks for
        # the packaged tokenizer in a directory `tokenizer`, and the wheel has `tokenizers`.
        self._model = WordLlama.load(
            dim=self.dimension, cache_dir=Path(spec.origin).parent, disable_download=True
        )

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return a row of length 1 for each text (of length 0 for a text without words)."""
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        # Blank texts have no tokens, and the average of none is no number.
        rows: Vectors = self._model.embed([text or " " for text in texts], batch_size=_BATCH)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
