"""Whether a model's file can be served, within its service's memory limit."""

from __future__ import annotations

from collections.abc import Mapping

from xnai.diagnostics.finding import Finding
from xnai.models.found import ModelFile


def judge_models(
    models: Mapping[str, ModelFile], limits_and_swap_mib: Mapping[str, tuple[int, int]]
) -> list[Finding]:
    """Return findings on the models' files.

    models: service -> what was found of its file; limits_and_swap_mib: service -> memory limit,
    swap allowance; a service that is not among them does not run.
    """
    return [
        finding
        for name, model in models.items() if name in limits_and_swap_mib
        for finding in _judge(name, model, limits_and_swap_mib[name][0])
    ]


def _judge(name: str, model: ModelFile, limit_mib: int) -> list[Finding]:
    subject = model.path
    if model.shape is None or model.needs is None:
        needed = "a whole GGUF file that llama.cpp can serve"
        if model.wrong:
            remedy = "Fetch it again and compare its checksum, or name another file."
            return [Finding("model", "error", subject, model.why, needed, remedy)]
        needed = "its header, from which its memory limit follows"
        remedy = f"Set {name}_memory_limit_mib to the size of the file and what it needs beside it."
        return [Finding("model", "unknown", subject, model.why, needed, remedy)]
    found = []
    needs, trained = model.needs, model.shape.trained_tokens
    if needs.weights >> 20 < limit_mib < needs.total_mib:
        found.append(
            Finding(
                "model-size", "warning", f"{name}_memory_limit_mib",
                f"{limit_mib} MiB; the model needs {needs.terms()}",
                "a limit that holds it: else its weights are read from the disk again, or it swaps",
                f"Set it to None, which gives what the header says and a tenth; or shorten "
                f"{name}_context_tokens.",
            )
        )
    if trained and needs.context_tokens > trained:
        found.append(
            Finding(
                "model-context", "warning", f"{name}_context_tokens",
                f"{needs.context_tokens}; the model was trained for {trained}",
                "at most that: the server holds memory for all of it, and uses no more",
                f"Set {name}_context_tokens to at most {trained}.",
            )
        )
    return found
