"""The quantisation itself: llm-compressor's AWQ.

Its packages are imported here alone, so that a wrong argument is answered at once.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from awq.checks import Job

_BITS = 4


def _offline() -> None:
    """Keep every library from the network, from GPUs, and from writing into a home."""
    caches = tempfile.mkdtemp(prefix="awq-")
    os.environ.update({
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HOME": f"{caches}/hf",
        "TRITON_CACHE_DIR": f"{caches}/triton",
        "TORCHINDUCTOR_CACHE_DIR": f"{caches}/inductor",
    })


def recipe(group_size: int) -> list[dict[str, object]]:
    """Return the arguments of the two steps: scale the weights that matter, then round all.

    The output layer stays as it is: it is small, and rounding it costs quality.
    """
    weights = {
        "num_bits": _BITS, "type": "int", "symmetric": False, "strategy": "group",
        "group_size": group_size,
    }
    return [
        {"duo_scaling": "both"},
        {
            "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
            "ignore": ["lm_head"],
        },
    ]


def run(job: Job, texts: list[str], directory: Path) -> None:
    """Quantise and save.

    Args:
        job: what is asked for; checked.
        texts: calibration texts.
        directory: where to save the model and its tokenizer.

    Raises:
        ModuleNotFoundError: the packages of requirements.txt are not installed.
    """
    _offline()
    from datasets import Dataset
    from llmcompressor import oneshot
    from llmcompressor.modifiers.quantization import QuantizationModifier
    from llmcompressor.modifiers.transform.awq import AWQModifier
    from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

    set_seed(job.seed)
    # Only files of the directory, and no code of it.
    local = {"local_files_only": True, "trust_remote_code": False}
    model = AutoModelForCausalLM.from_pretrained(job.model, dtype="auto", **local)
    tokenizer = AutoTokenizer.from_pretrained(job.model, **local)
    scaling, rounding = recipe(job.group_size)
    oneshot(
        model=model,
        tokenizer=tokenizer,
        dataset=Dataset.from_dict({"text": texts}),
        recipe=[AWQModifier(**scaling), QuantizationModifier(**rounding)],
        num_calibration_samples=len(texts),
        shuffle_calibration_samples=False,
        max_seq_length=job.sequence_length,
        output_dir=str(directory),
    )
