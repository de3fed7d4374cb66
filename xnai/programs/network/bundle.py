"""The program that lays proxy and credentials ready, as one file that the host's Python runs."""

from __future__ import annotations

from xnai.programs.network.spec import NetworkSpec
from xnai.programs.pack import pack
from xnai.settings.model import Settings

_MAIN = """\
import sys

from xnai.programs.network.host import main
from xnai.programs.network.spec import parse

sys.exit(main(parse({text!r}), sys.argv[1]))
"""


def make_spec(settings: Settings) -> NetworkSpec:
    """Return what the program is told."""
    return NetworkSpec(
        proxy_url=settings.proxy_url or "",
        exceptions=settings.proxy_exceptions,
        netrc_file=settings.netrc_file or "",
        auth_file=settings.registry_auth_file or "",
        user=settings.stack_user,
    )


def bundle(spec: NetworkSpec) -> bytes:
    """Return the program with its specification, for `python3 FILE ready|exports`."""
    return pack(_MAIN.format(text=spec.text()))
