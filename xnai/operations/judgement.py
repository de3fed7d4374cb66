"""What triage says of a host, for the error of a run that failed."""

from __future__ import annotations

from pyinfra.api.host import Host

from xnai.triage.ask import triage
from xnai.triage.masking import without_passwords
from xnai.triage.render.terminal import lines


def judgement(host: Host) -> str:
    """Return what is wrong, each line on one of its own, beginning with a newline.

    Args:
        host: of the run.
    """
    try:
        found = triage(host)
        said = [line for looked in found.looked for line in lines(looked.judgement)]
        return without_passwords("".join(f"\n  {line}" for line in ["xnai triage says:", *said]))
    except Exception as error:
        # Whatever fails here: why the run failed is known, and must not be lost for it.
        return f"\n  what is wrong could not be told: {type(error).__name__}: {error}"
