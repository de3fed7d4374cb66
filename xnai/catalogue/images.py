"""The images of the stack, each from its reference service or from the user's own tree."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from xnai.catalogue.model import Copy, Image
from xnai.render import ROOT
from xnai.settings.model import Settings

SERVICES = ROOT / "files/services"

# The name of every image that a service runs, with its Dockerfile.
DOCKERFILES = {
    "rag_api": "Dockerfile",
    "llm": "Dockerfile.llm",
    "chainlit_ui": "Dockerfile.chainlit",
    "crawler": "Dockerfile.crawl",
    "curation_worker": "Dockerfile.curation_worker",
    "docs": "Dockerfile.docs",
    "awq": "Dockerfile.awq",
}


def _reference(name: str, *paths: str) -> tuple[Copy, ...]:
    root = SERVICES / name
    return tuple(Copy(root, path, f"app/{path}") for path in paths or (name,))


def _lock(root: Path, path: str = "requirements.txt") -> Copy:
    return Copy(root, path, "requirements.txt")


def base() -> Image:
    """Return the base: users, certificates and what all reference services share."""
    return Image(
        name="base",
        title="base of all services",
        dockerfile="Dockerfile.base",
        copies=(Copy(SERVICES / "common", "service_common", "common/service_common"),),
        requirements=_lock(SERVICES / "base"),
    )


def images(settings: Settings) -> tuple[Image, ...]:
    """Return every service's image, with the user's own trees where the settings name any.

    All are rendered and checked; those with `built` are built.
    """
    found = (
        Image(
            name="rag_api",
            title="RAG API",
            dockerfile=DOCKERFILES["rag_api"],
            copies=_reference("rag_api"),
            requirements=_lock(SERVICES / "rag_api"),
            command=(
                "uvicorn", "rag_api.main:app", "--host", "0.0.0.0", "--port", "8000",  # noqa: S104
                # An answer that streams when the container is stopped may not hold it.
                "--no-server-header", "--timeout-graceful-shutdown", "3",
            ),
            port=8000,
            volume="/data",
        ),
        Image(
            name="llm",
            title="language model server",
            dockerfile=DOCKERFILES["llm"],
            copies=_reference("llm"),
            requirements=_lock(SERVICES / "llm"),
            # llama.cpp's OpenMP runtime, which no wheel brings.
            apt_packages=("libgomp1",),
            command=("python", "-m", "llm"),
            port=8080,
            built=settings.llm_endpoint_url is None,
        ),
        Image(
            name="chainlit_ui",
            title="Chainlit UI",
            dockerfile=DOCKERFILES["chainlit_ui"],
            copies=_reference("chainlit_ui"),
            requirements=_lock(SERVICES / "chainlit_ui"),
            command=(
                "uvicorn", "chainlit_ui.main:app", "--host", "0.0.0.0", "--port", "8001",  # noqa: S104
                "--no-server-header", "--timeout-graceful-shutdown", "3",
            ),
            port=8001,
        ),
        Image(
            name="crawler",
            title="crawler",
            dockerfile=DOCKERFILES["crawler"],
            copies=_reference("crawler"),
            requirements=_lock(SERVICES / "crawler"),
            command=("python", "-m", "crawler"),
            volume="/library",
        ),
        Image(
            name="curation_worker",
            title="curation worker",
            dockerfile=DOCKERFILES["curation_worker"],
            copies=_reference("curation_worker"),
            requirements=_lock(SERVICES / "curation_worker"),
            command=("python", "-m", "curation_worker"),
            volume="/library",
        ),
        Image(
            name="docs",
            title="documentation",
            dockerfile=DOCKERFILES["docs"],
            copies=(
                *_reference("docs", "docs_server"),
                Copy(SERVICES / "docs", "mkdocs.yml", "site/mkdocs.yml"),
                Copy(SERVICES / "docs", "docs", "site/docs"),
            ),
            requirements=_lock(SERVICES / "docs"),
            # Needed only to build the site; nothing of it is in the image.
            packages_apart=False,
            command=("python", "-m", "docs_server"),
            port=8002,
        ),
        Image(
            name="awq",
            title="AWQ quantisation",
            dockerfile=DOCKERFILES["awq"],
            copies=_reference("awq"),
            requirements=_lock(SERVICES / "awq"),
            command=("python", "-m", "awq", "--help"),
            volume="/models",
            built=settings.awq_image,
        ),
    )
    return tuple(_from_own_tree(image, settings) for image in found)


def _from_own_tree(image: Image, settings: Settings) -> Image:
    """Return the image made of the user's own tree where the settings name one for it."""
    source = settings.service_sources.get(image.name)
    if source is None:
        return image
    place = "site" if image.name == "docs" else "app"
    copies = tuple(
        Copy(source.context, path, f"{place}/{destination}")
        for path, destination in source.copy
    )
    if image.name == "docs":
        # The site is the user's; what serves it stays ours.
        copies = (*_reference("docs", "docs_server"), *copies)
    return dataclasses.replace(
        image,
        copies=copies,
        requirements=_lock(source.context, source.requirements),
        apt_packages=source.apt_packages,
        command=source.command or image.command,
    )
