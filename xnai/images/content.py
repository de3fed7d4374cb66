"""What goes into an image: rendered Dockerfile, packed context, and the hashes of both."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from xnai.images.locks import parted
from xnai.images.model import CopiedPath, Image
from xnai.images.tree import TreeRefused, copied_files
from xnai.settings.certificates import name_on_host
from xnai.settings.model import Settings
from xnai.templating.render import ROOT, render

CONTENT_LABEL = "io.xnai.content"
STACK_LABEL = "io.xnai.stack"
INPUTS_LABEL = "io.xnai.inputs"
PARENT_LABEL = "io.xnai.parent"

# Where a build sees the wheelhouse.
WHEELS = "/mnt/wheels"

_USUAL_INDEX = "https://pypi.org/simple"
_LOCK = "context/requirements.txt"
_SOURCES = "context/source_requirements.txt"


@dataclass(frozen=True)
class ContextFile:
    """A file of a build context: its content, and whether it is executable."""

    content: bytes
    executable: bool = False


@dataclass(frozen=True)
class BuildInput:
    """An image's whole input.

    Attributes:
        name: of the image without the prefix `<stack>_`, as rag_api or rag_api_packages.
        image: the catalogue's entry that it belongs to.
        target: the Dockerfile's stage, or empty for the last one.
        parent: reference of the image that its last stage starts from.
        tools: reference of the image that its build stage starts from, or empty.
        inputs: name of each part of the input -> its hash, or the reference of the image below;
            for saying which one changed.
        reference: localhost/<stack>_<name>:<first 16 digits of the content hash>.
        content_hash: sha256 over all of `inputs`.
        dockerfile: the rendered file.
        files: the whole context by path.
    """

    name: str
    image: Image
    target: str
    parent: str
    tools: str
    inputs: Mapping[str, str]
    reference: str
    content_hash: str
    dockerfile: str
    files: Mapping[str, ContextFile] = field(repr=False)


def context_files(inputs: Iterable[BuildInput]) -> dict[str, ContextFile]:
    """Return the Dockerfile and the whole context of each image, below its own name."""
    files: dict[str, ContextFile] = {}
    for item in inputs:
        own = {"Dockerfile": ContextFile(item.dockerfile.encode()), **item.files}
        files |= {f"{item.image.name}/{path}": file for path, file in own.items()}
    return files


def archive(inputs: Iterable[BuildInput], scripts: Mapping[str, str]) -> bytes:
    """Return a tar of Dockerfiles and contexts, the same bytes for the same input.

    Args:
        inputs: whose; each image's files lie below its own name.
        scripts: further files, path -> text.
    """
    files = {name: ContextFile(text.encode()) for name, text in scripts.items()}
    files |= context_files(inputs)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            info = tarfile.TarInfo(name)
            info.size = len(files[name].content)
            info.mode = 0o755 if files[name].executable else 0o644
            tar.addfile(info, io.BytesIO(files[name].content))
    return buffer.getvalue()


def build_inputs(
    settings: Settings, base: Image, images: Iterable[Image]
) -> list[BuildInput]:
    """Return the input of every image that is built, bases before what is built from them.

    Args:
        settings: the host's.
        base: the image that all the others are built on.
        images: of the services.

    Raises:
        TreeRefused: a tree cannot be built; with everything that is wrong with it.
    """
    found = _base_inputs(settings, base)
    runtime, build = (item.reference for item in found)
    for image in images:
        if image.built:
            found += _service_inputs(settings, image, runtime, build)
    return found


def dockerfiles(settings: Settings, base: Image, images: Iterable[Image]) -> dict[str, str]:
    """Return every image's rendered Dockerfile by its name, built or not; see build_inputs."""
    found = _base_inputs(settings, base)
    runtime, build = (item.reference for item in found)
    texts = {item.image.dockerfile: item.dockerfile for item in found}
    for image in images:
        texts[image.dockerfile] = _service_inputs(settings, image, runtime, build)[-1].dockerfile
    return texts


def _base_inputs(settings: Settings, image: Image) -> list[BuildInput]:
    files = _context(image)
    for authority in settings.extra_ca_certificates:
        path = f"context/ca/{name_on_host(authority)}"
        files[path] = ContextFile(Path(authority).read_bytes())
    requirements, code = _hashes(files)
    text = _dockerfile(settings, image, base=settings.base_image, runtime=None)
    runtime = _input(
        settings, image, ("base", "runtime"), settings.base_image, "", text, files,
        {"base_image": settings.base_image, "dockerfile": text.hash({}), "files": code},
    )
    text = _dockerfile(settings, image, base=settings.base_image, runtime=runtime.reference)
    build = _input(
        settings, image, ("build", ""), runtime.reference, "", text, files,
        {
            "base": runtime.reference,
            "dockerfile": text.hash({runtime.reference: "base"}),
            "requirements": requirements,
        },
    )
    return [runtime, build]


def _service_inputs(
    settings: Settings, image: Image, runtime: str, build: str
) -> list[BuildInput]:
    """The inputs of one service: its packages where they are apart, and itself."""
    files = _context(image)
    requirements, code = _hashes(files)
    names = {runtime: "base", build: "build"}
    found = []
    text = _dockerfile(settings, image, base=runtime, build=build, packages=None)
    if image.packages_apart:
        packages = _input(
            settings, image, (f"{image.name}_packages", "packages"), runtime, build, text, files,
            {
                "base": runtime, "requirements": requirements,
                "dockerfile": text.hash(names),
            },
        )
        found.append(packages)
        names[packages.reference] = "packages"
        text = _dockerfile(
            settings, image, base=runtime, build=build, packages=packages.reference
        )
        parent, tools, parents = packages.reference, "", {"packages": packages.reference}
    else:
        parent, tools, parents = runtime, build, {"base": runtime, "requirements": requirements}
    found.append(
        _input(
            settings, image, (image.name, ""), parent, tools, text, files,
            {**parents, "dockerfile": text.hash(names), "files": code},
        )
    )
    return found


def _context(image: Image) -> dict[str, ContextFile]:
    copies = (*image.copies, image.requirements)
    if image.source_packages:
        copies += (CopiedPath(ROOT / "files", "source_tools", "source_tools"),)
    try:
        found = {
            f"context/{path}": ContextFile(file.read_bytes(), bool(file.stat().st_mode & 0o100))
            for path, file in copied_files(copies).items()
        }
    except OSError as error:
        raise TreeRefused(f"{image.name}: {error}") from None
    if image.source_packages:
        wheels, sources = parted(found[_LOCK].content.decode(), image.source_packages)
        found[_LOCK] = ContextFile(wheels.encode())
        found[_SOURCES] = ContextFile(sources.encode())
    return found


def _input(
    settings: Settings,
    image: Image,
    name_and_target: tuple[str, str],
    parent: str,
    tools: str,
    dockerfile: _Dockerfile,
    files: Mapping[str, ContextFile],
    inputs: Mapping[str, str],
) -> BuildInput:
    name, target = name_and_target
    content = hashlib.sha256(repr(sorted(inputs.items())).encode()).hexdigest()
    return BuildInput(
        name=name, image=image, target=target, parent=parent, tools=tools, inputs=inputs,
        reference=f"localhost/{settings.stack_name}_{name}:{content[:16]}",
        content_hash=content, dockerfile=dockerfile.text, files=files,
    )


@dataclass(frozen=True)
class _Dockerfile:
    """A rendered Dockerfile, and what it would be with the usual sources of packages.

    Where Python packages come from is no input of an image: the lock's hashes say what they are, so
    an index or a wheelhouse that is set later rebuilds nothing. Debian's packages are not pinned:
    its mirror is an input.
    """

    text: str
    as_usual: str

    def hash(self, names: Mapping[str, str]) -> str:
        """Return the hash of the text with names in place of the references of the images below it.

        Those references are inputs of their own.
        """
        text = self.as_usual
        for reference, name in names.items():
            text = text.replace(reference, name)
        return hashlib.sha256(text.encode()).hexdigest()


def _dockerfile(settings: Settings, image: Image, **stages: str | None) -> _Dockerfile:
    texts = []
    for index, has_wheels in (
        (settings.package_index_url, bool(settings.wheelhouse_dir)), (_USUAL_INDEX, False),
    ):
        pip, uv, unearth = _sources(index, has_wheels)
        texts.append(render(
            f"images/{image.dockerfile}.j2",
            image=image,
            stack_name=settings.stack_name,
            uid=settings.container_uid,
            gid=settings.container_gid,
            has_ca=bool(settings.extra_ca_certificates),
            pip_sources=pip,
            uv_sources=uv,
            unearth_sources=unearth,
            debian_mirror=(settings.debian_mirror_url or "").rstrip("/"),
            **stages,
        ))
    return _Dockerfile(*texts)


def _sources(index: str | None, has_wheels: bool) -> tuple[str, str, str]:
    """Where packages come from, as options of pip, of uv and of unearth."""
    wheels = f"--find-links {WHEELS}" if has_wheels else ""
    pip, uv = (
        " ".join(filter(None, (f'{option} "{index}"' if index else "--no-index", wheels)))
        for option in ("--index-url", "--default-index")
    )
    unearth = f'--index-url "{index}"' if index else ""
    if index and (host := urlsplit(index)).scheme == "http":
        unearth += f" --trusted-host {host.hostname}"
    return pip, uv, f"{unearth} --find-link {WHEELS}".strip() if has_wheels else unearth


def _hashes(files: Mapping[str, ContextFile]) -> tuple[str, str]:
    """The hash of a context's lock, and that of its other files."""
    of_lock = {
        path: file for path, file in files.items()
        if path == _SOURCES or path.startswith("context/source_tools/")
    }
    others = {p: file for p, file in files.items() if p != _LOCK and p not in of_lock}
    return _hash({"r": files[_LOCK], **of_lock}), _hash(others)


def _hash(files: Mapping[str, ContextFile]) -> str:
    """One hash over names and contents, each with its length so that none runs into the next."""
    total = hashlib.sha256()
    for name in sorted(files):
        file = files[name]
        mark = "x " if file.executable else ""
        total.update(f"{len(name.encode())} {name} {mark}{len(file.content)} ".encode())
        total.update(file.content)
    return total.hexdigest()
