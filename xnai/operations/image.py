"""Pulling, building and removing images on the host."""

from __future__ import annotations

import hashlib
import io
import shlex
from collections.abc import Generator, Sequence

from pyinfra.api.command import FileUploadCommand, StringCommand
from pyinfra.api.operation import operation

from xnai.build_failures import explain
from xnai.catalogue.images import DOCKERFILES
from xnai.facts.podman import XNAI_PODMAN
from xnai.image_content import INPUTS_LABEL, PARENT_LABEL, STACK_LABEL, WHEELS
from xnai.image_plan import Build, inputs_label
from xnai.operations.guard import one_at_a_time
from xnai.pyinfra_ext import LiveCommand

# What a person wants to see of a build while it runs, cut to a line.
_STEPS = r"/^(\[[0-9/]+\] )?(STEP [0-9\/]+: (FROM|COPY|RUN)|COMMIT) /s/^(.{0,100}).*/\1/p"
_LAST_LINES = 20


@operation()
def build(
    planned: Build,
    stack_name: str,
    directory: str,
    version: str,
    revision: str,
    wheelhouse_dir: str | None,
) -> Generator[StringCommand | FileUploadCommand | str, None, None]:
    """Send a context and build it with the stack user's Podman, telling each step.

    The name is given only at the end of a successful build, so a run killed in the middle
    leaves no half image in use. The whole output stays in <directory>/<name>.log on the host.

    Args:
        planned: what to build; an image that has its name keeps one with "-" and its ID's start.
        stack_name: value of the stack's label.
        directory: the stack's build directory on the host. It is root's, and so is what is
            unpacked below it: nothing that the stack's user could replace is followed by root.
        version: of this project, for the image's label.
        revision: commit that the files are of, for the image's label.
        wheelhouse_dir: directory of wheels on the host, or None.
    """
    wanted = planned.wanted
    reference = shlex.quote(wanted.reference)
    here = shlex.quote(f"{directory}/{wanted.image.name}")
    log = shlex.quote(f"{directory}/{wanted.name}.log")
    upload = f"{directory}/{wanted.image.name}.tar"
    yield FileUploadCommand(io.BytesIO(wanted.archive()), upload)
    yield (
        f"umask 022; rm -rf {here} && mkdir -p {here}/context && "
        f"tar -x -f {shlex.quote(upload)} -C {here} --no-same-owner && rm {shlex.quote(upload)} && "
        f"chmod -R u=rwX,go=rX {here}"
    )
    words = [
        "build", "--pull=never",
        # One commit a stage: the content hash decides about a build, not a cache of layers.
        "--layers=false",
        *(["--target", wanted.target] if wanted.target else []),
        *(["--volume", f"{wheelhouse_dir}:{WHEELS}:ro"] if wheelhouse_dir else []),
        "--build-arg", f"IMAGE_VERSION={version}",
        "--build-arg", f"IMAGE_REVISION={revision}",
        "--build-arg", f"IMAGE_CONTENT={wanted.content_hash}",
        "--label", f"{STACK_LABEL}={stack_name}",
        "--label", f"{INPUTS_LABEL}={inputs_label(wanted)}",
        "--tag", wanted.reference,
    ]
    keep = ""
    if planned.replaces:
        keep = f"{XNAI_PODMAN} tag {planned.replaces} {reference}-{planned.replaces[:8]} && "
    parent = f"{XNAI_PODMAN} image inspect --format '{{{{.Id}}}}' {shlex.quote(wanted.parent)}"
    command = (
        f"{keep}p=$({parent}) && {XNAI_PODMAN} {' '.join(map(shlex.quote, words))} "
        f'--label {PARENT_LABEL}="$p" --file {here}/Dockerfile {here}'
    )
    # sh has no pipefail: the build's own exit code goes through a file.
    yield LiveCommand(
        one_at_a_time(
            f"{{ {command}; echo $? > {log}.rc; }} 2>&1 | tee {log} | "
            f"sed -u -nE {shlex.quote(_STEPS)}; "
            f'[ "$(cat {log}.rc)" = 0 ] || {{ echo {wanted.name} was not built. The end of {log}:; '
            f"tail -n {_LAST_LINES} {log}; {explain(log)}; exit 1; }} >&2"
        )
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


@operation()
def remove(ids: Sequence[str]) -> Generator[str, None, None]:
    """Remove images by their ID; one that a container uses by now stays.

    Args:
        ids: of images of the stack; at least one.
    """
    yield one_at_a_time(
        # 2 is podman-rmi(1)'s word for "in use".
        f"{XNAI_PODMAN} rmi {' '.join(map(shlex.quote, ids))} || [ $? = 2 ]"
    )


def cache_directory(id_: str) -> str:
    """Return the name of the directory of the cache that a Dockerfile mounts by `id_`.

    Buildah keeps it in $TMPDIR/buildah-cache-<uid>, under the first 16 digits of the id's sha256
    (buildah, internal/volumes/volumes.go, GetCacheMount).
    """
    return hashlib.sha256(id_.encode()).hexdigest()[:16]


def cache_directories(stack_name: str) -> dict[str, str]:
    """Return the caches that the stack's Dockerfiles mount: id -> its directory's name."""
    ids = [f"{stack_name}-pip", f"{stack_name}-uv"]
    ids += [f"{stack_name}-apt-{name}" for name in DOCKERFILES]
    return {id_: cache_directory(id_) for id_ in ids}


@operation()
def limit_cache(stack_name: str, stack_user: str, most_mib: int) -> Generator[str, None, None]:
    """Drop the stack's own build caches where together they are above a size.

    Args:
        stack_name: whose caches.
        stack_user: the user whose Podman built.
        most_mib: the size in MiB.
    """
    directories = " ".join(f'"$c/{name}"' for name in cache_directories(stack_name).values())
    yield one_at_a_time(
        f"c=/var/tmp/buildah-cache-$(id -u {shlex.quote(stack_user)}); "
        f"s=$(du -scm {directories} 2>/dev/null | tail -n 1 | cut -f 1); "
        f'[ "${{s:-0}}" -le {most_mib} ] || {XNAI_PODMAN} unshare rm -rf {directories}'
    )
