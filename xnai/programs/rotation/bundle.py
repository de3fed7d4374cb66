"""The rotation's program as one file that the host's Python runs, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.programs.backup.bundle import database
from xnai.programs.pack import pack
from xnai.programs.rotation.spec import RotationSpec
from xnai.settings.model import Settings
from xnai.stack.paths import rotation_marker
from xnai.stack.plan import StackPlan
from xnai.stack.services.vikunja import VikunjaSettings

_MAIN = """\
import sys

from xnai.programs.rotation.host import main
from xnai.programs.rotation.spec import parse

sys.exit(main(parse({text!r}), sys.argv[1]))
"""


def make_spec(
    settings: Settings, wanted: StackPlan, values: Sequence[Mapping[str, str]], settled: bool
) -> RotationSpec:
    """Return what the program is told.

    Args:
        settings: the host's.
        wanted: its stack.
        values: of catalogue.secret_forms, those to replace.
        settled: whether the stack is healthy with the secrets that there are.
    """
    found = database(wanted)
    is_rotated = found is not None and any(found.secret in forms for forms in values)
    containers = {service.name: service.container_name for service in wanted.services}
    return RotationSpec(
        stack=settings.stack_name,
        podman=XNAI_PODMAN,
        # A memory file system, and a directory in which nobody but root may write.
        kept=f"/run/xnai-rotation-{settings.stack_name}.json",
        marker=rotation_marker(settings),
        # As the shell's printf would read the format.
        values=tuple(
            {name: form.replace("\\n", "\n") for name, form in forms.items()} for forms in values
        ),
        database=found if is_rotated else None,
        container=containers[found.service] if found else "",
        sessions_of=found if settings.of(VikunjaSettings).end_vikunja_sessions else None,
        settled=settled,
    )


def bundle(spec: RotationSpec) -> bytes:
    """Return the program with its specification, for `python3 FILE replace|back|role|sessions`."""
    return pack(_MAIN.format(text=spec.text()))
