"""Dockerfiles by practices: read from the rendered files, and as the docs show it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from unit_settings import ROOT, make

from xnai.stack.catalogue import dockerfiles, images, services

SETTINGS = make(awq_image=True)
TEXTS = dockerfiles(SETTINGS)
IMAGES = {image.dockerfile: image for image in images(SETTINGS)}
SERVICES = {service.build: service for service in services(SETTINGS) if service.build}


def stages(text: str) -> list[str]:
    """The parts of a Dockerfile that begin with FROM."""
    return re.split(r"(?m)^(?=FROM )", text)[1:]


def pinned(name: str, text: str) -> bool:
    return all(re.match(r"FROM \S+/\S+:[\w.-]+( AS \w+)?\n", stage) for stage in stages(text))


def multi_stage(name: str, text: str) -> bool:
    # What installs is in no image that runs: of the base that is the first stage.
    running = stages(text)[0] if name == "Dockerfile.base" else stages(text)[-1]
    return len(stages(text)) > 1 and not re.search(r"\bpip\b|uv pip|apt-get", running)


def cache_mounts(name: str, text: str) -> bool:
    installs = [run for run in runs(text) if re.search(r"(uv pip|pip .*|apt-get) install", run)]
    targets = {"uv pip": "/root/.cache/uv", "pip --python": "/root/.cache/pip",
               "apt-get": "/var/cache/apt"}
    return bool(installs) and all(
        f"--mount=type=cache,id=xnai-{target.rsplit('/', 1)[1]}" in run and target in run
        for run in installs
        for target in [next(t for word, t in targets.items() if word in run)]
    )


def runs(text: str) -> list[str]:
    """The RUN instructions, their lines joined."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", text))
    return [line for line in joined.splitlines() if line.startswith("RUN ")]


def locked(name: str, text: str) -> bool:
    return all("--require-hashes" in run for run in runs(text) if "pip install" in run)


def user(name: str, text: str) -> bool:
    if name == "Dockerfile.base":
        # Made before anything else, once for all images.
        return "useradd --uid 10001" in runs(text)[0]
    last = stages(text)[-1]
    # Nothing is run in it after its rights are given up.
    assert not re.search(r"(?ms)^USER .*^RUN ", last)
    return re.findall(r"(?m)^USER (.*)$", last) == ["10001:10001"]


def slim(name: str, text: str) -> bool:
    bases = {stage.split()[1].partition("@")[0] for stage in stages(text)}
    return all(base.startswith("localhost/xnai_") or base.endswith("-slim") for base in bases)


def clean(name: str, text: str) -> bool:
    # Caches are mounts, so no layer has them; lists go in the step that made them.
    return cache_mounts(name, text) and all(
        "rm -rf /var/lib/apt/lists/*" in run for run in runs(text) if "apt-get" in run
    )


def volume(name: str, text: str) -> bool | str:
    image = IMAGES.get(name)
    if image is None or image.volume is None:
        assert "VOLUME" not in text
        return "none"  # nothing persists
    assert f'VOLUME ["{image.volume}"]' in text
    service = SERVICES.get(image.name)
    # Covered by a named volume, so that no anonymous one is ever made.
    return service is None or image.volume in {path for _, path in service.volumes}


def labels(name: str, text: str) -> bool:
    wanted = ("title", "version", "revision")
    return all(
        all(f"org.opencontainers.image.{word}=" in stage for word in wanted)
        and "io.xnai.content=" in stage
        for stage in stages(text)
        # A service's build stage is no image; the base's is one.
        if name == "Dockerfile.base" or not stage.split("\n")[0].endswith("AS build")
    )


def health(name: str, text: str) -> bool | str:
    assert "HEALTHCHECK" not in text  # OCI images drop it
    image = IMAGES.get(name)
    service = SERVICES.get(image.name) if image else None
    if service is None:
        return "none"  # no service runs it
    # A program of Python's own, in a module that the base brings.
    words = service.health_command
    return words[:2] == ("python", "-m") and words[2].startswith("service_common.")


PRACTICES: dict[str, Callable[[str, str], bool | str]] = {
    "pinned, fully qualified base": pinned,
    "slim base": slim,
    "multi-stage": multi_stage,
    "cache mounts": cache_mounts,
    "locked with hashes": locked,
    "early non-root user": user,
    "cleanup": clean,
    "volume": volume,
    "labels": labels,
    "health check": health,
}
WORDS = {True: "yes", False: "NO", "none": "—"}


def matrix() -> str:
    """The table as docs/images.md has it."""
    names = sorted(TEXTS)
    rows = [["practice", *(f"`{name}`" for name in names)], ["---"] * (len(names) + 1)]
    for practice, holds in PRACTICES.items():
        rows.append([practice, *(WORDS[holds(name, TEXTS[name])] for name in names)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def test_the_matrix_is_full():
    assert "NO" not in matrix()
    # Only what cannot be is left out: nothing persists, or no service runs it.
    assert {word for word in WORDS.values() if f"| {word} |" in matrix()} == {"yes", "—"}


def test_a_pinned_base_keeps_the_practices():
    digest = f"sha256:{'0' * 64}"
    pinned_texts = dockerfiles(make(base_image=f"docker.io/library/python:3.12-slim@{digest}"))
    assert all(slim(name, text) for name, text in pinned_texts.items())


@pytest.mark.parametrize("practice", [name for name in PRACTICES if name != "health check"])
def test_each_practice_can_be_missed(practice):
    wrong = (
        "FROM python:latest AS build\nRUN uv pip install x && apt-get install y\n"
        "FROM python:latest\nRUN pip install z\nUSER root\nLABEL a=b\n"
    )
    if practice == "volume":
        with pytest.raises(AssertionError):
            PRACTICES[practice]("Dockerfile", wrong)
    else:
        assert PRACTICES[practice]("Dockerfile", wrong) is False


def test_the_docs_show_it():
    assert matrix() in (ROOT / "docs/images.md").read_text("utf-8")


def test_a_python_version_stands_in_no_path():
    assert not [name for name, text in TEXTS.items() if re.search(r"python3\.\d+", text)]


def test_no_compiler_is_installed():
    for name, text in TEXTS.items():
        assert not re.search(r"build-essential|gcc|g\+\+|-dev\b", text), name


def test_one_user_for_all():
    assert {found for text in TEXTS.values() for found in re.findall(r"(?m)^USER (.*)$", text)} == {
        f"{SETTINGS.container_uid}:{SETTINGS.container_gid}"
    }


def test_ports_and_volumes_are_those_of_the_services():
    for name, image in IMAGES.items():
        service = SERVICES.get(image.name)
        exposed = re.findall(r"(?m)^EXPOSE (\d+)$", TEXTS[name])
        assert exposed == ([str(image.port)] if image.port else [])
        if service:
            assert service.port == image.port


def test_the_crawlers_and_the_workers_library_is_one_volume():
    assert SERVICES["crawler"].volumes == SERVICES["curation_worker"].volumes
