"""Pulling, building and removing images on the host."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Generator, Mapping, Sequence

from pyinfra.api.command import StringCommand
from pyinfra.api.operation import operation

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.images.content import INPUTS_LABEL, PARENT_LABEL, STACK_LABEL, WHEELS, archive
from xnai.images.failures import causes
from xnai.images.plan import Build, inputs_label
from xnai.operations.guard import one_at_a_time
from xnai.operations.network import DIRECT, Network
from xnai.remote import content
from xnai.remote.limit import BUILD_LIMIT_S, FETCH_LIMIT_S, Limited
from xnai.run.pyinfra import LiveCommand
from xnai.stack.catalogue import DOCKERFILES
from xnai.stack.paths import BUILD_SLICE
from xnai.templating.render import render

# More at once only take each other's disk and memory.
_MOST_AT_ONCE = 4


@operation()
def build(
    planned: Sequence[Build],
    stack_name: str,
    directory: str,
    version: str,
    revisions: Mapping[str, str],
    wheelhouse_dir: str | None,
    network: Network = DIRECT,
) -> Generator[StringCommand | str, None, None]:
    """Send contexts and build them with the stack user's Podman, several at once, telling steps.

    A name is given only at the end of a successful build, so a run killed in the middle
    leaves no half image in use. Each whole output stays in <directory>/<name>.log on the host,
    beside the script that made it.

    Args:
        planned: what to build, none of which needs another one; an image that has a wanted name
            keeps one with "-" and its ID's start.
        stack_name: value of the stack's label.
        directory: the stack's build directory on the host. It is root's, and so is what is
            unpacked below it: nothing that the stack's user could replace is followed by root.
        version: of this project, for the images' label.
        revisions: name of an image -> commit that its files are of, for its label.
        wheelhouse_dir: directory of wheels on the host, or None.
        network: how the host reaches index and mirrors.
    """
    labels = {"IMAGE_VERSION": version}
    scripts = {
        f"{one.wanted.name}.sh": script(
            one, stack_name, directory,
            labels | {"IMAGE_REVISION": revisions[one.wanted.name]}, wheelhouse_dir,
            network.build_words,
        )
        for one in planned
    }
    here = shlex.quote(directory)
    packed = archive((one.wanted for one in planned), scripts)
    # A name of its own, and unpacked only under the lock: an earlier run's build may still read
    # the contexts that these replace.
    tar = f"contexts-{hashlib.sha256(packed).hexdigest()[:16]}.tar"
    yield content.put(f"{directory}/{tar}", packed)
    images = " ".join(shlex.quote(one.wanted.image.name) for one in planned)
    made = " ".join(map(shlex.quote, scripts))
    yield from network.send()
    yield LiveCommand(
        one_at_a_time(network.around(
            f"umask 022; cd {here} && rm -rf {images} && mkdir -p {images} && "
            f"tar -x -f {tar} --no-same-owner && rm {tar} && "
            # What killed runs left; a waiting run's is younger.
            "find . -maxdepth 1 -name 'contexts-*.tar' -mmin +60 -delete && "
            f"chmod -R u=rwX,go=rX {images} {made} && {{ n=$(nproc); "
            f"[ $n -le {_MOST_AT_ONCE} ] || n={_MOST_AT_ONCE}; "
            f"printf '%s\\n' {made} | xargs -n 1 -P $n sh; }}"
        )),
        limit_s=BUILD_LIMIT_S,
    )


def script(
    planned: Build,
    stack_name: str,
    directory: str,
    build_args: Mapping[str, str],
    wheelhouse_dir: str | None,
    further: Sequence[str] = (),
) -> str:
    """Return the script that builds one image, tells its steps, and explains why it failed.

    Args:
        planned: what to build.
        stack_name: value of the stack's label.
        directory: the stack's build directory on the host.
        build_args: for the image's labels.
        wheelhouse_dir: directory of wheels on the host, or None.
        further: options of `podman build`.
    """
    wanted = planned.wanted
    context = f"{directory}/{wanted.image.name}"
    arguments = {**build_args, "IMAGE_CONTENT": wanted.content_hash}
    words = [
        "build", "--pull=never",
        # One commit a stage: the content hash decides about a build, not a cache of layers.
        "--layers=false",
        *(["--target", wanted.target] if wanted.target else []),
        *(["--volume", f"{wheelhouse_dir}:{WHEELS}:ro"] if wheelhouse_dir else []),
        # Of its own: what runs in it would have one name in all builds.
        "--cgroup-parent", BUILD_SLICE.replace(".slice", f"-{wanted.name}.slice"),
        *further,
        *(word for item in arguments.items() for word in ("--build-arg", "=".join(item))),
        "--label", f"{STACK_LABEL}={stack_name}",
        "--label", f"{INPUTS_LABEL}={inputs_label(wanted)}",
        "--tag", wanted.reference, "--file", f"{context}/Dockerfile",
    ]
    return render(
        "images/build.sh.j2",
        name=wanted.name, log=f"{directory}/{wanted.name}.log", podman=XNAI_PODMAN, words=words,
        context=context, parent=wanted.parent, parent_label=PARENT_LABEL, causes=causes(),
        reference=wanted.reference, replaces=planned.replaces,
        kept=f"{wanted.reference}-{planned.replaces[:8]}" if planned.replaces else "",
    )


@operation()
def pull(
    references: Sequence[str], network: Network = DIRECT
) -> Generator[StringCommand | str, None, None]:
    """Fetch registry images, all at once, before anything that runs on them is replaced.

    Args:
        references: fully qualified, with tag or digest; at least one.
        network: how the host reaches the registries.
    """
    podman = shlex.join((XNAI_PODMAN, "pull", "--quiet", *network.pull_words))
    names = " ".join(shlex.quote(reference) for reference in references)
    # Most of a pull is unpacking, on one processor each.
    yield from network.send()
    yield Limited(
        one_at_a_time(network.around(
            f"p=; for r in {names}; do {podman} \"$r\" & p=\"$p $!\"; done; "
            "e=0; for i in $p; do wait $i || e=$?; done; exit $e"
        )),
        limit_s=FETCH_LIMIT_S,
    )


@operation()
def remove(names: Sequence[str]) -> Generator[str, None, None]:
    """Take names from images, and remove those that have none left.

    One that a container uses by now stays, and one that is gone by now is no matter.

    Args:
        names: of images of the stack; at least one.
    """
    yield one_at_a_time(
        # 2 is podman-rmi(1)'s word for "in use".
        f"{XNAI_PODMAN} rmi --ignore {' '.join(map(shlex.quote, names))} || [ $? = 2 ]"
    )


def cache_directory(id_: str) -> str:
    """Return the name of the directory of the cache that a Dockerfile mounts by `id_`.

    Buildah keeps it in $TMPDIR/buildah-cache-<uid>, under the first 16 digits of the id's sha256
    (buildah, internal/volumes/volumes.go, GetCacheMount).
    """
    return hashlib.sha256(id_.encode()).hexdigest()[:16]


def cache_directories(stack_name: str) -> dict[str, str]:
    """Return the caches that the stack's Dockerfiles mount: id -> its directory's name."""
    ids = [f"{stack_name}-{name}" for name in ("pip", "uv", "wheels")]
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
