"""What is looked at before the hours of work: everything that can be known to fail."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
# Sizes of the layers whose columns are cut into groups.
_COLUMNS = ("hidden_size", "intermediate_size")


class Refused(Exception):
    """Why nothing was started; the text is for the person who asked."""


@dataclass(frozen=True)
class Job:
    """What is asked for.

    Attributes:
        model: directory with config.json, weights and tokenizer.
        output: directory to make.
        group_size: columns that share a scale.
        calibration: file of texts.
        samples: texts to take of it.
        sequence_length: longest text, in tokens; the rest of it is cut off.
        seed: of the choice of texts.
    """

    model: Path
    output: Path
    group_size: int
    calibration: Path
    samples: int
    sequence_length: int
    seed: int

    @property
    def partial(self) -> Path:
        """Where the result is made, beside its place."""
        return self.output.with_name(f"{self.output.name}.partial")


def check(job: Job) -> None:
    """Look at everything that can be known beforehand.

    Raises:
        Refused: it would fail.
    """
    config = _config(job.model)
    weights = {path for pattern in _WEIGHTS for path in job.model.glob(pattern)}
    if not weights:
        raise Refused(f"{job.model} has no weights: wanted {' or '.join(_WEIGHTS)}")
    if not any((job.model / name).is_file() for name in _TOKENIZERS):
        raise Refused(f"{job.model} has no tokenizer: wanted one of {', '.join(_TOKENIZERS)}")
    if "quantization_config" in config:
        raise Refused(f"{job.model} is quantised already (quantization_config in its config.json)")
    for name in _COLUMNS:
        columns = config.get(name)
        if isinstance(columns, int) and columns >= job.group_size and columns % job.group_size:
            fitting = [size for size in (128, 64, 32, 16) if columns % size == 0]
            raise Refused(
                f"--group-size {job.group_size} does not divide {name} = {columns} of {job.model}"
                + (f"; {', '.join(map(str, fitting))} would" if fitting else "")
            )
    _check_output(job)
    needed = sum(path.stat().st_size for path in weights)
    # The result is about a third of it; the rest is for what is not quantised, and some air.
    free = shutil.disk_usage(job.output.parent).free
    if free < needed:
        raise Refused(
            f"not enough disk: {job.output.parent} has {free / 1e9:.1f} GB free; wanted as much as "
            f"the model's weights, {needed / 1e9:.1f} GB"
        )


def _config(model: Path) -> dict[str, object]:
    path = model / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise Refused(
            f"{model} is no model directory: it has no config.json. GGUF files cannot be quantised "
            "further; take the model's original directory"
        ) from None
    except (OSError, ValueError) as error:
        raise Refused(f"{path} cannot be read: {error}") from None
    if not isinstance(config, dict):
        raise Refused(f"{path} is no JSON object")
    return config


def _check_output(job: Job) -> None:
    if job.output.exists() or job.output.is_symlink():
        raise Refused(f"{job.output} exists; nothing is overwritten. Name another, or remove it")
    if job.partial.exists():
        raise Refused(
            f"{job.partial} exists: another run makes it now, or one was killed. In the latter "
            "case remove it and start again"
        )
    if not job.output.parent.is_dir():
        raise Refused(f"{job.output.parent} is no directory; make it first")
    if job.output.resolve().is_relative_to(job.model.resolve()):
        raise Refused(f"{job.output} lies in the model's own directory; name one beside it")
