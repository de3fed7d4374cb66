"""That program as one file that the host's Python runs."""

from __future__ import annotations

import json
from dataclasses import asdict

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.programs.backup.spec import Database
from xnai.programs.pack import pack
from xnai.stack.model import Service

_MAIN = """\
import sys

from xnai.programs.role.host import main

sys.exit(main({text!r}))
"""


def database_of(service: Service) -> Database:
    """Return what is in a database's container."""
    environment = dict(service.environment)
    return Database(
        service.name, environment["POSTGRES_DB"], environment["POSTGRES_USER"],
        service.secrets[0].secret,
    )


def bundle(service: Service) -> bytes:
    """Return the program for a database's service, for `python3 FILE`."""
    told = {
        "podman": XNAI_PODMAN, "container": service.container_name,
        "database": asdict(database_of(service)),
    }
    return pack(_MAIN.format(text=json.dumps(told)))
