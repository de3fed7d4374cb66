"""Building an image on the host from a packed context."""

from __future__ import annotations

import io
import shlex
from collections.abc import Generator

from pyinfra.api.command import FileUploadCommand, StringCommand
from pyinfra.api.operation import operation

from xnai.facts.podman import XNAI_PODMAN
from xnai.image_content import CONTENT_LABEL, STACK_LABEL, BuildInput


@operation()
def build(
    build_input: BuildInput, stack_name: str, directory: str, stack_user: str
) -> Generator[StringCommand | FileUploadCommand | str, None, None]:
    """Send a context and build it with the stack user's Podman.

    The name is given only at the end of a successful build, so a run killed in the middle
    leaves no half image in use.

    Args:
        build_input: what to build.
        stack_name: value of the stack's label.
        directory: the stack's build directory on the host, below which it is unpacked.
        stack_user: owner of what is unpacked.
    """
    name = build_input.image.name
    here = shlex.quote(f"{directory}/{name}")
    upload = f"{directory}/{name}.tar"
    yield FileUploadCommand(io.BytesIO(build_input.archive), upload)
    yield (
        f"rm -rf {here} && mkdir -p {here}/context && "
        f"tar -x -f {shlex.quote(upload)} -C {here} --no-same-owner && rm {shlex.quote(upload)} && "
        f"chown -R {shlex.quote(stack_user)}: {here} && chmod -R u=rwX,go=rX {here}"
    )
    # Our own base is never asked of a registry; the registry's base only when it is absent.
    pull = "missing" if build_input.image.base is None else "never"
    yield (
        # One commit a stage: the content hash decides about a build, not a cache of layers.
        f"{XNAI_PODMAN} build --pull={pull} --layers=false "
        f"--tag {shlex.quote(build_input.reference)} "
        f"--label {STACK_LABEL}={shlex.quote(stack_name)} "
        f"--label {CONTENT_LABEL}={build_input.content_hash} --file {here}/Dockerfile {here}"
    )
