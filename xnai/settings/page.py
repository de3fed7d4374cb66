"""The declarations as text: group_data/all.py, and the reference page."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Collection

from xnai.settings.checks import Refused
from xnai.settings.declaration import Declaration

_HEAD = '''\
"""Every setting, with its reason. A host or group changes one by naming it in
group_data/<group>.py, in hosts.py beside the host, or with `--data name=value`.

`xnai settings` prints the effective values, where each was set, and what was derived.
None means "derived from what the host is" (by the rule in the comment).

Written by `make settings` from the declarations in xnai/.
"""
'''
_WIDTH = 98

_SECTIONS = {
    "services": """\
The memory of each service, in MiB:
*_memory_limit_mib: RAM (memory.max). Past it the kernel swaps the service's own pages, and where its swap is full too, kills it alone.
*_swap_mib: how much of it may be in swap (memory.swap.max). None: half of the limit. Limit and swap together are what a service can hold; preflight adds these up and holds the sum against what RAM and zram can carry.
*_memory_reservation_mib: RAM that others' needs do not take from it (memory.low). None: half of the limit for a protected service, else 0.
Source: kernel Documentation/admin-guide/cgroup-v2.rst.""",  # noqa: E501
}
"""What is said at the head of a section."""


def defaults_file(declarations: Collection[Declaration]) -> str:
    """Return the text of group_data/all.py: every setting with its default and its reason."""
    names = "".join(f"    {json.dumps(one.name)},\n" for one in sorted(declarations, key=_name))
    lines = [f"{_HEAD}\n__all__ = [\n{names}]\n"]
    section = ""
    for one in declarations:
        if one.section != section:
            section = one.section
            lines.append(f"\n# --- {section} ".ljust(_WIDTH, "-") + "\n\n")
            if section in _SECTIONS:
                lines.append(f"{_comment(_SECTIONS[section])}\n")
        elif one.reason:
            lines.append("\n")
        if one.reason:
            lines.append(_comment(one.reason))
        lines.append(f"{one.name} = {_literal(one.default)}\n")
    return "".join(lines)


def reference_page(declarations: Collection[Declaration]) -> str:
    """Return the reference of all settings in Markdown."""
    lines = [
        "# Settings\n", "\n",
        "Written by `make settings` from the declarations: the general ones in\n"
        "`xnai/settings/model.py`, sysctls in `xnai/memory/sysctl.py`, those of a service in\n"
        "`xnai/stack/services/`. A host or group changes a\n"
        "setting by naming it in `group_data/<group>.py`, in `hosts.py` beside the host, or with\n"
        "`--data name=value`; `xnai settings` prints the effective values and where each was set.\n"
        "`None` means: derived from what the host is, or none; the reason says which.\n",
    ]
    section = ""
    for one in declarations:
        if one.section != section:
            section = one.section
            lines.append(f"\n## {section}\n\n")
            if section in _SECTIONS:
                lines.append("\n\n".join(_SECTIONS[section].split("\n")) + "\n\n")
            lines.append("| setting | default | allowed | reason |\n| --- | --- | --- | --- |\n")
        cells = (f"`{one.name}`", f"`{_literal(one.default)}`", _allowed(one), one.reason)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n")
    return "".join(lines)


def _name(declaration: Declaration) -> str:
    return declaration.name


def _allowed(declaration: Declaration) -> str:
    """What the check says of values that no setting can have, and how others bound it."""
    words = _refusal(declaration, object())
    if words.startswith("a list"):
        words += f"; each {inner}" if (inner := _refusal(declaration, [object()])) != words else ""
    try:
        declaration.check(None)
        words += "; or None"
    except Refused:
        pass
    if declaration.below:
        words += f"; below {declaration.below}"
    if declaration.at_most:
        words += f"; at most {declaration.at_most}"
    return words


def _refusal(declaration: Declaration, value: object) -> str:
    try:
        declaration.check(value)
    except Refused as refused:
        return str(refused)
    raise ValueError(f"{declaration.name} takes anything")


def _comment(text: str) -> str:
    wrapped = (
        textwrap.wrap(
            line, _WIDTH - 2, subsequent_indent="  " if line.startswith("*") else "",
            break_long_words=False, break_on_hyphens=False,
        )
        for line in text.split("\n")
    )
    return "".join(f"# {line}\n" for lines in wrapped for line in lines)


def _literal(value: object) -> str:
    """The value as Python, in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    return repr(value)
