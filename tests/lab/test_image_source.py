"""An image that exists elsewhere is copied and not built again, or refused by name."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

from tests.lab import clones
from xnai.lab import registry
from xnai.lab.deploying import ROOT, deploy, environment, inventory_of, pyinfra_argv

pytestmark = pytest.mark.lab

CRAWLER = r"localhost/xnai_crawler(_packages)?:[0-9a-f]{16}"


@pytest.fixture
def other(base, request, progress):
    """A second machine like the first."""
    one = clones.lend(base, request.config.getoption("--backend"), progress)
    yield one
    one.down()


def images(machine) -> dict[str, str]:
    """Name -> ID of the stack's own images."""
    said = machine.run(
        "xnai-podman images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}'"
    ).stdout
    return {
        name: id_ for name, id_ in (line.split() for line in said.splitlines())
        if name.startswith("localhost/") and not name.endswith(":previous")
    }


def forget(machine, pattern: str) -> set[str]:
    """Take images and what runs on them from a machine; returns their names."""
    gone = {name for name in images(machine) if re.fullmatch(pattern, name)}
    machine.run(
        "xnai-podman ps --all --format '{{.Image}} {{.Names}}' | while read -r i n; do case $i in "
        + "|".join(gone) + ") xnai-podman rm --force $n ;; esac; done; xnai-podman rmi --force "
        + " ".join(gone), timeout_s=120,
    )
    assert not gone & set(images(machine))
    return gone


def run(machines, *words: str) -> str:
    """Deploy to several machines at once; what was said."""
    hosts = inventory_of(machines, machines[0].directory / "several.py")
    done = subprocess.run(
        pyinfra_argv(*words), cwd=ROOT, capture_output=True, text=True, check=False,
        env={**environment(machines[0]), "XNAI_HOSTS": str(hosts)}, stdin=subprocess.DEVNULL,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


@pytest.mark.family("build")
def test_what_another_host_has_is_copied(deployed, other):
    there = images(other)
    gone = forget(deployed, CRAWLER)
    said = run([deployed, other])
    assert f"copying 2 images from lab-{other.name}" in said, said
    assert "copied from the controller: 2 images" in said and "STEP" not in said
    assert images(deployed) == there and gone <= set(there), "by ID, and none besides"
    for one in (deployed, other):
        left = one.run("ls -d /var/tmp/xnai-images-* /var/lib/xnai/xnai/build/copies", check=False)
        assert left.stdout == ""
    assert "Starting operation" not in run([deployed, other])


@pytest.mark.drill_only
def test_through_a_directory(deployed, tmp_path):
    directory = tmp_path / "images"
    words = ("--data", f"image_source={directory}")
    there = images(deployed)
    first = deploy(deployed, *words)
    assert first.code == 0, first.log
    assert first.changed == (f"images: copy {len(there)} images to {directory}",)
    assert deploy(deployed, *words).changed == ()

    forget(deployed, CRAWLER)
    again = deploy(deployed, *words)
    assert again.code == 0 and "copied from" in again.log and "STEP" not in again.log, again.log
    assert images(deployed) == there

    # A layer that somebody changed is refused by its image's name, which is built.
    index = json.loads((directory / "index.json").read_text())
    names = {
        one["annotations"]["org.opencontainers.image.ref.name"]: one["digest"]
        for one in index["manifests"]
    }

    def blob(digest: str):
        return directory / "blobs" / digest.replace(":", "/")

    def layers(name: str) -> list[str]:
        return [one["digest"] for one in json.loads(blob(names[name]).read_text())["layers"]]

    (packages,) = [name for name in names if "crawler_packages" in name]
    below = {digest for name in names if "_base:" in name for digest in layers(name)}
    (own,) = set(layers(packages)) - below
    with blob(own).open("r+b") as file:
        file.write(b"changed")
    forget(deployed, CRAWLER)
    changed = deploy(deployed, *words)
    assert changed.code == 0, changed.log
    assert f"{packages} is not taken from elsewhere: {blob(own)} was changed" in changed.log
    assert "crawler_packages: " in changed.log and "COMMIT" in changed.log
    assert deploy(deployed, *words).changed == ()


@pytest.mark.drill_only
def test_through_a_registry(deployed, progress):
    registry.up(progress)
    place = f"{registry.HOST_AS_SEEN_BY_GUESTS}:{registry.port()}/drill{os.getpid()}"
    words = ("--data", f"image_source=docker+http://{place}")
    there = images(deployed)
    first = deploy(deployed, *words)
    assert first.code == 0 and len(first.changed) == 1, first.log
    forget(deployed, CRAWLER)
    again = deploy(deployed, *words)
    assert again.code == 0 and "copied from" in again.log and "STEP" not in again.log, again.log
    assert images(deployed) == there
    assert deploy(deployed, *words).changed == ()
    # A registry that is away: built here, and said.
    forget(deployed, CRAWLER)
    away = deploy(deployed, "--data", "image_source=docker+http://10.0.2.2:9/none")
    assert away.code == 0 and "COMMIT" in away.log, away.log
    assert "not copied to docker+http://10.0.2.2:9/none" in away.log
    assert set(images(deployed)) == set(there)
