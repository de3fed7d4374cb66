"""What was read, as a group_data file to start from."""

from __future__ import annotations

import pprint
import shlex

from xnai.sources.model import CheckoutReading


def rendered(reading: CheckoutReading) -> str:
    """Return the text of a group_data file; what was not taken stands in it as comments."""
    settings = {name: value for one in reading.proposals for name, value in one.settings.items()}
    names = sorted(["service_sources", *settings])
    lines = [
        f'"""Read from {reading.compose} of {reading.root}: a start, to be looked through."""',
        "",
        f"__all__ = {names!r}",
        "",
        "service_sources = {",
    ]
    for one in reading.proposals:
        lines.append(f"    # {one.theirs} of {reading.compose}")
        if "requirements" in one.source:
            given = one.source["requirements"]
            lines.append(f"    # Its lock: xnai lock {one.service}={reading.root}/{given}")
        if one.packages and "requirements" not in one.source:
            words = " ".join(f"--package {shlex.quote(package)}" for package in one.packages)
            lines.append(f"    # Its lock: xnai lock {one.service} {words}")
        elif one.packages:
            named = ", ".join(one.packages)
            lines.append(f"    # Beside its list the Dockerfile installs {named}: add them to it.")
        for key in ("copy", "requirements"):
            if key not in one.source and not (key == "requirements" and one.packages):
                lines.append(f"    # {key!r} is not told by its Dockerfile and must be written.")
        lines += [f"    # to look at: {left}" for left in one.not_taken]
        body = pprint.pformat(one.source, width=92, sort_dicts=False).splitlines()
        lines.append(f"    {one.service!r}: {body[0]}")
        lines += [f"    {line}" for line in body[1:]]
        lines[-1] += ","
    lines += ["}", ""]
    lines += [f"{name} = {value!r}" for name, value in settings.items()]
    if reading.others:
        lines += ["", "# Services that are none of ours:"]
    for name, line, instead in reading.others:
        what = instead or "nothing stands in its place; it stays where it runs now"
        lines.append(f"#   {name} ({reading.compose}:{line}): {what}")
    return "\n".join(lines) + "\n"
