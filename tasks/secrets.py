"""Secrets: generated on the host once, kept as the stack user's Podman secrets."""

from pyinfra import host

from tasks import before, preflight, verify
from xnai.facts.podman_call import PodmanUnknown
from xnai.operations import secret
from xnai.run.context import current
from xnai.run.pyinfra import RUN_BY_PYINFRA, this_host_alone
from xnai.run.store import read_store
from xnai.stack.catalogue import secret_forms


def apply() -> None:
    """Declare what is missing. All forms of one value are made together: half a set is none."""
    settings = current()
    found = read_store(host, settings).secrets
    present = set() if isinstance(found, PodmanUnknown) else set(found)
    for forms in secret_forms(settings):
        if missing := sorted(set(forms) - present):
            secret.generate(
                name=f"secrets: generate {', '.join(forms)} (absent: {', '.join(missing)})",
                stack_name=settings.stack_name,
                forms=forms,
            )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        preflight.apply()
        before.apply()
        apply()
        verify.waiting()
