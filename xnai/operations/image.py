"""Building an image on the host from a packed context."""

from __future__ import annotations

import io
import shlex
from collections.abc import Generator, Sequence

from pyinfra.api.command import FileUploadCommand, StringCommand
from pyinfra.api.operation import operation

from xnai.facts.podman import XNAI_PODMAN
from xnai.image_content import CONTENT_LABEL, STACK_LABEL, BuildInput
from xnai.operations.guard import one_at_a_time


@operation()
def build(
    build_input: BuildInput, stack_name: str, directory: str
) -> Generator[StringCommand | FileUploadCommand | str, None, None]:
    """Send a context and build it with the stack user's Podman.

    The name is given only at the end of a successful build, so a run killed in the middle
    leaves no half image in use.

    Args:
        build_input: what to build.
        stack_name: value of the stack's label.
        directory: the stack's build directory on the host. It is root's, and so is what is
            unpacked below it: nothing that the stack's user could replace is followed by root.
    """
    name = build_input.image.name
    here = shlex.quote(f"{directory}/{name}")
    upload = f"{directory}/{name}.tar"
    yield FileUploadCommand(io.BytesIO(build_input.archive), upload)
    yield (
        f"umask 022; rm -rf {here} && mkdir -p {here}/context && "
        f"tar -x -f {shlex.quote(upload)} -C {here} --no-same-owner && rm {shlex.quote(upload)} && "
        f"chmod -R u=rwX,go=rX {here}"
    )
    # Our own base is never asked of a registry; the registry's base only when it is absent.
    pull = "missing" if build_input.image.base is None else "never"
    yield one_at_a_time(
        # One commit a stage: the content hash decides about a build, not a cache of layers.
        f"{XNAI_PODMAN} build --pull={pull} --layers=false "
        f"--tag {shlex.quote(build_input.reference)} "
        f"--label {STACK_LABEL}={shlex.quote(stack_name)} "
        f"--label {CONTENT_LABEL}={build_input.content_hash} --file {here}/Dockerfile {here}"
    )


@operation()
def pull(references: Sequence[str]) -> Generator[str, None, None]:
    """Fetch registry images, all at once, before anything that runs on them is replaced.

    Args:
        references: fully qualified, with tag or digest; at least one.
    """
    names = " ".join(shlex.quote(reference) for reference in references)
    # Most of a pull is unpacking, on one processor each.
    yield one_at_a_time(
        f"p=; for r in {names}; do {XNAI_PODMAN} pull --quiet \"$r\" & p=\"$p $!\"; done; "
        "e=0; for i in $p; do wait $i || e=$?; done; exit $e"
    )
