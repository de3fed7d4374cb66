"""The program that makes an account, as one file that the host's Python runs."""

from __future__ import annotations

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.programs.account.spec import AccountSpec
from xnai.programs.backup.bundle import database
from xnai.programs.pack import pack
from xnai.stack.plan import StackPlan

_MAIN = """\
import sys

from xnai.programs.account.host import main
from xnai.programs.account.spec import parse

sys.exit(main(parse({text!r})))
"""
VIKUNJA = "vikunja"
# Its program starts as a whole, connections and all, for one account.
_LIMIT_S = 300


def make_spec(wanted: StackPlan, name: str, email: str) -> AccountSpec:
    """Return what the program is told.

    Args:
        wanted: the host's stack; Vikunja is part of it.
        name: of the account.
        email: its address.
    """
    services = {service.name: service for service in wanted.services}
    found = database(wanted)
    assert found is not None  # noqa: S101  (Vikunja depends on it)
    return AccountSpec(
        podman=XNAI_PODMAN,
        container=services[VIKUNJA].container_name,
        # The health check's program is the only one in the image.
        program=services[VIKUNJA].health_command[0],
        database=found,
        database_container=services[found.service].container_name,
        name=name,
        email=email,
        limit_s=_LIMIT_S,
    )


def bundle(spec: AccountSpec) -> bytes:
    """Return the program with its specification, for `python3 FILE`, the password on its input."""
    return pack(_MAIN.format(text=spec.text()))
