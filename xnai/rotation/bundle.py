"""The rotation's program as one file that the host's Python runs, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xnai.backup.bundle import database
from xnai.backup.program import pack
from xnai.before import DIRECTORY
from xnai.facts.podman import XNAI_PODMAN
from xnai.rotation.spec import Spec
from xnai.settings.model import Settings
from xnai.stack_plan import StackPlan

_MODULES = (
    "backup/ending", "backup/podman", "backup/psql", "backup/role", "backup/spec",
    "backup/whole_file", "rotation/host", "rotation/spec",
)
_MAIN = """\
import sys

from xnai.rotation.host import main
from xnai.rotation.spec import parse

sys.exit(main(parse({text!r}), sys.argv[1]))
"""


def home(settings: Settings) -> str:
    """Return the directory of the program and the marker; it is root's alone."""
    return f"{DIRECTORY}/{settings.stack_name}/rotation"


def marker(settings: Settings) -> str:
    """Return the path of the file that says that a rotation has begun."""
    return f"{home(settings)}/unfinished"


def make_spec(
    settings: Settings, wanted: StackPlan, values: Sequence[Mapping[str, str]], settled: bool
) -> Spec:
    """Return what the program is told.

    Args:
        settings: the host's.
        wanted: its stack.
        values: of catalogue.secret_forms, those to make anew.
        settled: whether the stack is healthy with the secrets that there are.
    """
    found = database(wanted)
    is_rotated = found is not None and any(found.secret in forms for forms in values)
    containers = {service.name: service.container_name for service in wanted.services}
    return Spec(
        stack=settings.stack_name,
        podman=XNAI_PODMAN,
        # A memory file system, and a directory in which nobody but root may write.
        kept=f"/run/xnai-rotation-{settings.stack_name}.json",
        marker=marker(settings),
        # As the shell's printf would read the format.
        values=tuple(
            {name: form.replace("\\n", "\n") for name, form in forms.items()} for forms in values
        ),
        database=found if is_rotated else None,
        container=containers[found.service] if found else "",
        sessions_of=found if settings.end_vikunja_sessions else None,
        settled=settled,
    )


def bundle(spec: Spec) -> bytes:
    """Return the program with its specification, for `python3 FILE replace|back|role|sessions`."""
    return pack(_MAIN.format(text=spec.text()), _MODULES)
