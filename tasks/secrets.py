"""Secrets: generated on the host once, kept as the stack user's Podman secrets."""

from pyinfra import host

from tasks import before, preflight, verify
from xnai.operations import secret
from xnai.run.context import current
from xnai.run.pyinfra import RUN_BY_PYINFRA, this_host_alone
from xnai.run.store import read_store
from xnai.stack.differences import missing_secrets


def apply() -> None:
    """Declare what is missing. All forms of one value are made together: half a set is none."""
    settings = current()
    for forms, missing in missing_secrets(settings, read_store(host, settings)):
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
