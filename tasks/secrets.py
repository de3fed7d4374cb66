"""Secrets: generated on the host once, kept as the stack user's Podman secrets."""

from pyinfra import host

from tasks import before, preflight, verify
from xnai.catalogue import secret_forms
from xnai.facts.podman import PodmanUnknown
from xnai.operations import secret
from xnai.pyinfra_ext import RUN_BY_PYINFRA, this_host_alone
from xnai.settings import current
from xnai.stack_reading import read_store


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
