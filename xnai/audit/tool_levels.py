"""How grave other tools' findings are here, and which of them an expanded recipe cannot bear.

A finding above info says what fails, and when. Most of what these tools call warnings and errors is
style, or hardening of what works: worth knowing, and info here. What stays is listed.
"""

from __future__ import annotations

from collections.abc import Mapping

from xnai.audit.model import RuleSeverity

_LEVELS: Mapping[str, RuleSeverity] = {
    "error": "error", "warning": "warning", "info": "info", "style": "info",
    "critical": "error", "high": "error", "medium": "warning", "low": "info",
}

# Something fails, or will: the code, what it says.
_FAILS = frozenset({
    # hadolint: no tag, the tag latest (another image comes one day); a port that is none; two
    # HEALTHCHECKs; an installer that asks and waits; a stage that copies from itself, two of a
    # name; an instruction where none may stand, CMD twice.
    "DL3006", "DL3007", "DL3011", "DL3012", "DL3014", "DL3023", "DL3024", "DL3030",
    "DL3034", "DL3038", "DL3043", "DL3044", "DL3061", "DL4003", "DL4004",
    # shellcheck: what is removed may begin at /.
    "SC2115",
})
# Another shell than it knows; `else` and a nested `if`, which it sees on one line.
_NO_TEAR = frozenset({"SC1071", "SC1075"})
# No failure, and the machine is lost to whoever gets into the container.
_TAKEOVER: Mapping[str, RuleSeverity] = {
    # The engine's socket is mounted; privileged.
    "CL-0001": "warning", "CL-0002": "warning",
    # A tag that moves; a credential in an environment or an address (see compose_tools.py).
    "CL-0004": "warning", "CL-0020": "warning", "CL-0021": "warning",
}

# "This never changes" and "something is missing": true of a recipe with everything put in, and not
# of the recipe that stands in the file.
OF_EXPANSION = frozenset({
    "SC2050", "SC2071", "SC2078", "SC2154", "SC2157", "SC2158", "SC2159", "SC2160", "SC2161",
    "SC2170", "SC2193", "SC2194", "SC2211", "SC2226", "SC2242",
})


def severity(code: str, level: str) -> RuleSeverity:
    """Return how grave a finding is.

    Args:
        code: the tool's own id, such as DL3008.
        level: the tool's own word for it.
    """
    found = _LEVELS[level]
    if code.startswith("CL-"):
        return _TAKEOVER.get(code, "info") if found != "info" else "info"
    # A shell text that cannot be parsed.
    torn = code.startswith("SC1") and found == "error" and code not in _NO_TEAR
    return found if code in _FAILS or torn else "info"
