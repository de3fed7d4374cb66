"""Ask the host's own zram-generator what it would make of its files once ours is among them.

It runs on the host by its Python alone, without root's rights, and changes nothing: the generator
is given a copy of its files below a directory of its own (`ZRAM_GENERATOR_ROOT`,
zram-generator(8)), and only writes units there. It is never asked to set up a device: that is real
whatever that root says.

zram-generator reads every file before any value counts, so a line that another one overrides can
still make it fail, and some options beat others whatever their order. Which line it is, it does not
say. So every line of the host's files is added to ours, one after the other: what changes zram0, or
makes another device, is named and left out.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLACES = ("usr/lib/systemd", "usr/local/lib/systemd", "etc/systemd", "run/systemd")
"""Directories of zram-generator's files, the one that counts least first."""

GENERATORS = tuple(
    f"/{base}/systemd/system-generators/zram-generator"
    for base in ("run", "etc", "usr/local/lib", "usr/lib", "lib")
)
"""Where systemd looks for it, in its order (systemd.generator(7))."""

MOST_BYTES = 2**20
"""A file of configuration is small; what is larger is not read."""

_RUN_LIMIT_S = 5
_ALL_LIMIT_S = 20
_MADE = re.compile(r"Creating unit (?:file )?(\S+) \(/dev/(zram\d+) with (\d+)MB\)")
# A section that zram-generator ignores: what follows in it counts for nothing.
_IGNORED = b"[xnai-left-out]"

Outcome = dict[str, str]


class Trial:
    """A copy of the host's files, on which the generator is run again and again.

    Args:
        generator: its path.
        directory: an empty one for the copies.
        ours: where our file lies, or will, below the root; and its text.
        host: the host's root, / but in tests.
    """

    def __init__(self, generator: str, directory: Path, ours: tuple[str, str], host: Path) -> None:
        self.generator, self.root, self.units = generator, directory / "root", directory / "units"
        self.until = time.monotonic() + _ALL_LIMIT_S
        self.said = ""
        self.files: dict[str, list[bytes] | None] = {}
        self.unread: list[str] = []
        (self.root / "proc").mkdir(parents=True)
        for name in ("meminfo", "cmdline"):
            # Of no size that stat(2) would tell: copied by reading.
            (self.root / "proc" / name).write_bytes((host / "proc" / name).read_bytes())
        self._write(ours[0], ours[1].encode())
        self._look(host, ours[0])

    def _look(self, host: Path, ours: str) -> None:
        """Read the host's files but ours; None stands for one that masks others by its name."""
        for place in PLACES:
            drop_ins = sorted((host / place / "zram-generator.conf.d").glob("*.conf"))
            for path in (host / place / "zram-generator.conf", *drop_ins):
                name = str(path.relative_to(host))
                if name == ours or not (path.exists() or path.is_symlink()):
                    continue
                if os.path.realpath(path) == "/dev/null":
                    self.files[name] = None
                elif path.is_file() and path.stat().st_size <= MOST_BYTES:
                    self.files[name] = path.read_bytes().split(b"\n")
                else:
                    self.unread.append(f"/{name}")

    def _write(self, name: str, content: bytes | None) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if content is None:
            path.symlink_to("/dev/null")
        else:
            path.write_bytes(content)

    def write(self, name: str, left_out: set[int]) -> None:
        """Write a file of the host's without the lines `left_out`, counted from 0."""
        lines = self.files[name]
        self._write(name, None if lines is None else b"\n".join(
            _without(line) if number in left_out else line for number, line in enumerate(lines)
        ))

    def remove(self, name: str) -> None:
        """Take a file of the host's away again."""
        (self.root / name).unlink()

    def outcome(self) -> Outcome:
        """Return what the generator makes of what is written now: device -> what it is.

        It fails as a whole where it fails at all: no device then, and `said` is its reason.

        Raises:
            TimeoutError: it has been run for too long.
        """
        left_s = self.until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        shutil.rmtree(self.units, ignore_errors=True)
        self.units.mkdir()
        # Not /usr/sbin: it would look for modprobe(8), which it runs with any root.
        environment = {"ZRAM_GENERATOR_ROOT": str(self.root), "PATH": "/usr/bin:/bin",
                       "LC_ALL": "C"}
        try:
            done = subprocess.run(
                [self.generator, str(self.units)], env=environment, stdin=subprocess.DEVNULL,
                capture_output=True, timeout=min(_RUN_LIMIT_S, left_s), check=False,
            )
        except subprocess.TimeoutExpired:
            self.said = f"no answer within {_RUN_LIMIT_S} s"
            return {}
        said = done.stderr.decode(errors="replace").split()
        self.said = " ".join(said).removeprefix("Error: ")[:300] if done.returncode else ""
        if done.returncode:
            return {}
        made = _MADE.findall(done.stdout.decode(errors="replace"))
        return {device: self._device(unit, int(mib)) for unit, device, mib in made}

    def _device(self, unit: str, mib: int) -> str:
        text = (self.units / unit).read_text()
        value = {key: found for key in ("Priority", "Options", "Where")
                 if (found := _value(text, key))}
        if unit.endswith(".mount"):
            return f"a file system of {mib} MiB on {value.get('Where', '?')}"
        # Of two priorities that of the options counts: systemd.swap(5), Priority=.
        in_options = re.search(r"(?:^|,)pri=(-?\d+)", value.get("Options", ""))
        priority = in_options.group(1) if in_options else value.get("Priority", "?")
        return f"swap of {mib} MiB, priority {priority}"


def _value(unit: str, key: str) -> str:
    found = re.search(rf"^{key}=(.*)$", unit, re.MULTILINE)
    return found.group(1) if found else ""


def _without(line: bytes) -> bytes:
    """Return what stands in a line's place where it is left out."""
    return _IGNORED if line.lstrip().startswith(b"[") else b""


def ask(trial: Trial) -> dict[str, Any]:
    """Return what the generator makes of ours alone and of all files, and what is to blame.

    Returns:
        `wanted` and `found`: device -> what it is; `said`: why it makes none; `blamed`: a list of
        path, line (from 1; 0 for the whole file), text, and `with`: what comes of it; `unread`:
        paths of what is no plain file, or too large; `whole`: whether all lines were tried.
    """
    wanted = trial.outcome()
    answer: dict[str, Any] = {
        "wanted": wanted, "said": trial.said, "blamed": [], "unread": trial.unread, "whole": True,
    }
    for name in trial.files:
        trial.write(name, set())
    answer["found"] = trial.outcome()
    if answer["found"] == wanted:
        return answer
    answer["said"] = trial.said
    try:
        _blame(trial, wanted, answer["blamed"])
    except TimeoutError:
        answer["whole"] = False
    return answer


def _blame(trial: Trial, wanted: Outcome, blamed: list[dict[str, Any]]) -> None:
    """Add to `blamed` what of the host's files cannot stand beside ours.

    First what changes zram0, then what of the rest makes further devices: a heading of another
    device that was left out would take the lines below it along, and what they break.
    """
    for name in trial.files:
        trial.remove(name)
    everything = {name: set(range(len(lines or ()))) for name, lines in trial.files.items()}
    gone: dict[str, set[int]] = {name: set() for name in trial.files}
    for of_zram0 in (True, False):
        def is_right(found: Outcome, of_zram0: bool = of_zram0) -> bool:
            return found.get("zram0") == wanted.get("zram0") if of_zram0 else found == wanted

        for name in list(gone):
            trial.write(name, everything[name])
        for name in list(gone):  # whose mere name masks ours, or another's
            if is_right(found := trial.outcome()):
                break
            trial.remove(name)
            if is_right(trial.outcome()):
                blamed.append(_one(trial, name, None, found))
                del gone[name]
            else:
                trial.write(name, everything[name])
        for name in gone:
            gone[name] |= _lines_to_blame(trial, name, gone[name], is_right, blamed)


def _lines_to_blame(
    trial: Trial, name: str, gone: set[int], is_right: Callable[[Outcome], bool],
    blamed: list[dict[str, Any]],
) -> set[int]:
    """Write a file with as many of its lines as can be; return those that cannot, and tell them.

    Args:
        trial: whose other files are written as far as they go.
        name: of the file.
        gone: its lines that are left out in any case.
        is_right: judges what the generator makes.
        blamed: what is added to.
    """
    lines = trial.files[name] or []
    trial.write(name, gone)
    if is_right(trial.outcome()):
        return set()
    left_out = set(range(len(lines)))
    mine: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(lines):
        if number in gone or not line.strip():
            continue
        trial.write(name, left_out - {number})
        if is_right(found := trial.outcome()):
            left_out = left_out - {number}
        else:
            mine.append((number, _one(trial, name, number, found)))
    # A line that a later one of its file makes good is none to blame.
    for number, one in mine:
        trial.write(name, left_out - {number})
        if is_right(trial.outcome()):
            left_out = left_out - {number}
        else:
            blamed.append(one)
    trial.write(name, left_out)
    return {number for number, _ in mine} & left_out


def _one(trial: Trial, name: str, number: int | None, found: Outcome) -> dict[str, Any]:
    lines = trial.files[name] or []
    return {
        "path": f"/{name}",
        "line": 0 if number is None else number + 1,
        "text": "" if number is None else lines[number].decode(errors="backslashreplace").strip(),
        "with": found,
        "said": trial.said,
    }


def main(our_path: str, our_text: str, generator: str = "", host: str = "/") -> int:
    """Print the answer as one line of JSON.

    Args:
        our_path: where our file lies, or will.
        our_text: of it.
        generator: its path; by default where systemd finds it.
        host: the host's root, / but in tests.
    """
    generator = generator or next((path for path in GENERATORS if os.path.lexists(path)), "")
    if not generator or os.path.realpath(generator) == "/dev/null":
        print(json.dumps({"generator": "absent" if not generator else f"masked by {generator}"}))
        return 0
    ours = our_path.lstrip("/"), our_text
    with tempfile.TemporaryDirectory(prefix="zram-generator-") as directory:
        answer = ask(Trial(generator, Path(directory), ours, Path(host)))
    print(json.dumps({"generator": generator, **answer}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
