"""Secrets: generated on the host once, or the user's own; kept as Podman secrets."""

from pyinfra import host

from tasks import before, preflight, verify
from xnai.operations import secret
from xnai.run.context import current
from xnai.run.pyinfra import RUN_BY_PYINFRA, fail_host, this_host_alone
from xnai.run.store import read_store
from xnai.stack import own_secrets
from xnai.stack.differences import changed_secrets, missing_secrets
from xnai.stack.own_secrets import SecretRefused


def apply() -> None:
    """Declare what is missing. All forms of one value are made together: half a set is none."""
    settings = current()
    facts = read_store(host, settings)
    try:
        changed = changed_secrets(settings, facts)
    except SecretRefused as refused:
        fail_host(f"secrets: {refused}")
    for name, (value, words) in changed.items():
        secret.put(
            name=f"secrets: store {name} ({words})", stack_name=settings.stack_name,
            name_of_secret=name, value=value, label=own_secrets.label(value),
        )
    for forms, missing in missing_secrets(settings, facts):
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
