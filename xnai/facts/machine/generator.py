"""What the host's own zram-generator makes of its files: how it is asked, and its answer read."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

_PROGRAM = Path(__file__).parents[2] / "programs" / "zram" / "host.py"

# `alone`: nobody's file but ours says anything, so there is nothing to ask.
GeneratorState = Literal["unknown", "absent", "masked", "alone", "asked"]


@dataclass(frozen=True)
class BlamedLine:
    """A line, or a whole file, that zram-generator cannot read beside ours as it should be.

    Attributes:
        path: absolute.
        line: from 1; 0 for the file as a whole, which takes another one's place by its name.
        text: of the line.
        outcome: device -> what becomes of it with that line.
        said: why zram-generator makes no device at all; empty where it makes some.
    """

    path: str
    line: int
    text: str
    outcome: dict[str, str]
    said: str = ""

    @property
    def place(self) -> str:
        """`path:line`, or the path of a whole file."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True)
class GeneratorAnswer:
    """What zram-generator makes of the host's files with ours among them.

    Attributes:
        state: whether it was asked.
        generator: its path, or what masks it.
        wanted: device -> what it makes of our file alone, such as `swap of 8192 MiB, priority 100`.
        found: the same of all files.
        said: why it makes no device of all files, or of ours.
        blamed: what makes the difference.
        unread: paths of what is no plain file, or too large to be read.
        whole: whether every line was tried.
    """

    state: GeneratorState = "unknown"
    generator: str = ""
    wanted: dict[str, str] | None = None
    found: dict[str, str] | None = None
    said: str = ""
    blamed: tuple[BlamedLine, ...] = ()
    unread: tuple[str, ...] = ()
    whole: bool = True


# $1: the program, $2: our file, $3: its text. Prints one line, or nothing where it could not
# be asked. Files with nothing but comments and an empty [zram0], as Debian's package brings one,
# change nothing: a run that changes nothing is not to wait for a Python each time.
_ASK = r"""
ask_zram() {
  q=
  for d in /run /etc /usr/local/lib /usr/lib; do
    for f in "$d/systemd/zram-generator.conf" "$d/systemd/zram-generator.conf.d"/*.conf; do
      if [ "$f" = "$2" ] || { [ ! -e "$f" ] && [ ! -L "$f" ]; }; then continue; fi
      if [ ! -f "$f" ] ||
        timeout 10 grep -qvE '^[[:space:]]*([#;].*)?$|^\[zram0\]$' -- "$f"; then q=yes; fi
    done
  done
  if [ -z "$q" ]; then echo '{"state": "alone"}'; return 0; fi
  p=/usr/bin/python3; if [ ! -x $p ]; then p=$(command -v python3) || return 1; fi
  # With nobody's rights: files of this kind may have commands in them.
  if [ "$(id -u)" = 0 ]; then
    set -- "$@" setpriv --reuid nobody --regid nogroup --clear-groups
  else set -- "$@" env; fi
  c=$1; f=$2; t=$3; shift 3
  (cd / && timeout 30 "$@" "$p" -I -B -c "$c" "$f" "$t" </dev/null)
}
"""


def question(our_path: str, our_text: str) -> str:
    """Return the shell code that asks the generator and prints its answer as a line of JSON.

    Args:
        our_path: where our file lies, or will.
        our_text: of it.
    """
    words = shlex.join((_PROGRAM.read_text("utf-8"), our_path, our_text))
    return f"{_ASK}ask_zram {words}"


def parsed(text: str) -> GeneratorAnswer:
    """Return the answer; unknown where `text` is none."""
    try:
        told: dict[str, Any] = json.loads(text)
        if told.get("state") == "alone":
            return GeneratorAnswer("alone")
        generator = str(told["generator"])
        if generator == "absent":
            return GeneratorAnswer("absent")
        if generator.startswith("masked by "):
            return GeneratorAnswer("masked", generator.removeprefix("masked by "))
        return GeneratorAnswer(
            state="asked",
            generator=generator,
            wanted=dict(told["wanted"]),
            found=dict(told["found"]),
            said=str(told["said"]),
            blamed=tuple(
                BlamedLine(
                    str(one["path"]), int(one["line"]), str(one["text"]), dict(one["with"]),
                    str(one["said"]),
                )
                for one in told["blamed"]
            ),
            unread=tuple(map(str, told["unread"])),
            whole=bool(told["whole"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return GeneratorAnswer()
