"""How grave other tools' findings are here, and which of them an expanded recipe cannot bear."""

from __future__ import annotations

from collections.abc import Mapping

from xnai.audit.model import RuleSeverity

_LEVELS: Mapping[str, RuleSeverity] = {
    "error": "error", "warning": "warning", "info": "info", "style": "info",
    "critical": "error", "high": "error", "medium": "warning", "low": "info",
}

# Advice about what works: nothing breaks without it.
_ADVICE = frozenset({
    # Harden a service further.
    "CL-0003", "CL-0006", "CL-0007", "CL-0019", "CL-0026",
    # Pin a distribution's or an index's package to one version.
    "DL3008", "DL3013", "DL3016", "DL3018", "DL3028", "DL3033", "DL3037", "DL3041", "DL3060",
    "DL3062",
    # Write it another way: WORKDIR for cd, COPY for ADD, no cache of pip's, an absolute WORKDIR;
    # --from of a name that the build may be given as a context; an ARG whose name sounds secret;
    # apt for apt-get; a WORKDIR that the base image may have set; curl beside wget.
    "DL3000", "DL3003", "DL3020", "DL3022", "DL3027", "DL3042", "DL3045", "DL3064", "DL4001",
    # Quotes that only names with blanks need: shellcheck's own SC2086 is advice too.
    "SC2044", "SC2045", "SC2046", "SC2124", "SC2206", "SC2207",
    "SC2010", "SC2012", "SC2038",
    # A variable that nothing reads; braces that mean themselves; -a and -o.
    "SC2034", "SC1083", "SC2166",
})

# "This never changes" and "something is missing": true of a recipe with everything put in, and not
# of the recipe that stands in the file.
OF_EXPANSION = frozenset({
    "SC2050", "SC2071", "SC2078", "SC2154", "SC2157", "SC2158", "SC2159", "SC2160", "SC2161",
    "SC2170", "SC2193", "SC2194", "SC2226", "SC2242",
})


def severity(code: str, level: str) -> RuleSeverity:
    """Return how grave a finding is.

    Args:
        code: the tool's own id, such as DL3008.
        level: the tool's own word for it.
    """
    return "info" if code in _ADVICE else _LEVELS[level]
