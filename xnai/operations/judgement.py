"""What triage says of a host, for the error of a run that failed."""

from __future__ import annotations

from dataclasses import replace

from pyinfra.context import ctx_host

from xnai.triage.ask import triage
from xnai.triage.diagnosis import Judgement
from xnai.triage.masking import without_passwords
from xnai.triage.render.terminal import lines

# The failed generation differs from the last healthy one because this run has made it.
_OF_THIS_RUN = ("file-drift", "generation-drift")


def _failed(found: Judgement) -> Judgement:
    return replace(found, roots=tuple(one for one in found.roots if one.id not in _OF_THIS_RUN))


def judgement() -> str:
    """Return what is wrong on the host at work, each line on its own, beginning with a newline."""
    try:
        # Not pyinfra's stand-in for it, which deploy files import and which has no truth value.
        found = triage(ctx_host.get())
        said = [line for looked in found.looked for line in lines(_failed(looked.judgement))]
        return without_passwords("".join(f"\n  {line}" for line in ["xnai triage says:", *said]))
    except Exception as error:
        # Whatever fails here: why the run failed is known, and must not be lost for it.
        return f"\n  what is wrong could not be told: {type(error).__name__}: {error}"
