"""What the host's own zram-generator said of its files, judged."""

from __future__ import annotations

from collections.abc import Iterable

from xnai.diagnostics.finding import Finding
from xnai.facts.machine.generator import BlamedLine, GeneratorAnswer
from xnai.facts.machine.model import ConfigFile
from xnai.memory.files import ZRAM_CONF

_SUBJECT = "zram-generator"


def judge_asked(
    answer: GeneratorAnswer, files: Iterable[ConfigFile], installed: bool
) -> list[Finding]:
    """Return findings on what zram-generator makes of the host's files with ours among them.

    Args:
        answer: the generator's.
        files: of its configuration, ours among them.
        installed: whether its package is.
    """
    if answer.state == "alone":
        return []
    others = sorted({file.path for file in files if file.path != ZRAM_CONF})
    if answer.state in ("absent", "unknown"):
        if not others:
            return []
        needed = f"what it makes of {', '.join(others)} with ours among them"
        if not installed:
            remedy = "It is asked once it is installed, before zram0 is started."
            return [Finding("zram-asked", "unknown", _SUBJECT, "not installed", needed, remedy)]
        remedy = "It is run by python3, setpriv and timeout as the user nobody: are they there?"
        return [Finding("zram-asked", "unknown", _SUBJECT, "gave no answer", needed, remedy)]
    if answer.state == "masked":
        found, needed = f"masked by {answer.generator}", "it makes zram0 at each boot"
        return [Finding(
            "zram-rival", "error", _SUBJECT, found, needed, f"sudo rm {answer.generator}"
        )]
    return _judge_answer(answer)


def _judge_answer(answer: GeneratorAnswer) -> list[Finding]:
    wanted = answer.wanted or {}
    found = [_judge_line(one, wanted) for one in answer.blamed]
    for path in answer.unread:
        needed = "a plain file of at most 1 MiB, or none"
        text = "no plain file, or larger; what zram-generator makes of it is not known"
        found.append(Finding("zram-rival", "unknown", path, text, needed, f"Look: ls -l {path}"))
    if not wanted and answer.said:  # systemd.zram=0 does so too, in silence, and is told elsewhere
        text = f"makes no device, not even of our file alone: {answer.said}"
        remedy = "Look: systemd-analyze cat-config systemd/zram-generator.conf"
        found.append(Finding("zram-rival", "error", _SUBJECT, text, "zram0", remedy))
    elif answer.found != wanted and not answer.blamed:
        text = f"would make {in_words(answer.found or {}, answer.said)}; not found out which line"
        remedy = "Look at its files: systemd-analyze cat-config systemd/zram-generator.conf"
        found.append(Finding("zram-rival", "error", _SUBJECT, text, in_words(wanted), remedy))
    return found


def _judge_line(one: BlamedLine, wanted: dict[str, str]) -> Finding:
    text = f"{one.place}: {one.text}" if one.text else f"{one.path} takes another file's place"
    remedy = f"Rename {one.path}, or remove it."
    if one.line:
        remedy = f"Remove line {one.line} of {one.path}."
        if one.text.startswith("["):  # without its heading what follows would be another section's
            remedy = f"Remove line {one.line} of {one.path} and all lines of that section."
    if one.outcome.get("zram0") != wanted.get("zram0"):
        found = f"{text}. With it: {in_words(one.outcome, one.said)}"
        needed = f"{in_words(wanted)} ({ZRAM_CONF})"
        return Finding("zram-rival", "error", "zram0", found, needed, remedy)
    further = sorted(set(one.outcome) - set(wanted))
    found = f"{text}. With it: {in_words({name: one.outcome[name] for name in further})}"
    needed = "zram0 alone: every further device takes its pages out of the same RAM"
    return Finding("zram-device", "warning", ", ".join(further), found, needed, remedy)


def in_words(devices: dict[str, str], said: str = "") -> str:
    """Return devices as words; `said` is why there are none."""
    if not devices:
        return f"no device at all{f' ({said})' if said else ''}"
    return ", ".join(f"{name} {what}" for name, what in sorted(devices.items()))


def prevents(answer: GeneratorAnswer) -> list[Finding]:
    """Return what keeps zram0 from becoming what the settings want, by the generator's answer."""
    return [one for one in judge_asked(answer, (), True) if one.severity == "error"]
