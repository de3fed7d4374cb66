"""What triage says of a host, for the error of a run that failed."""

from __future__ import annotations

from pyinfra.api.exceptions import PyinfraError
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
    except PyinfraError as error:
        return f"\n  what is wrong could not be told: {error}"
    said = [line for looked in found.looked for line in lines(looked.judgement)]
    return without_passwords("".join(f"\n  {line}" for line in ["xnai triage says:", *said]))
