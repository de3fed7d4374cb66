"""What hosts run to give and take images: with a program in Podman's place."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from made_images import APP, BASE, MADE_APP, MADE_BASE, digest_of

from xnai.images.offer import CopyRefused
from xnai.images.plan import Build
from xnai.operations import image_commands
from xnai.operations.network import DIRECT
from xnai.remote.lease_code import DIRECTORY

TAKEN = [(Build(BASE, "absent"), MADE_BASE.offer), (Build(APP, "absent"), MADE_APP.offer)]
REGISTRY = "docker://registry.lan:5000/stack"


@pytest.fixture(params=["dash", "bash"])
def run(request, tmp_path):
    """Run a command of ours on this machine; returns it with the calls of Podman."""

    def act(command, script, check=True):
        program = tmp_path / "podman"
        program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/calls"\n{script}\n')
        program.chmod(0o755)
        text = str(command).replace(image_commands.XNAI_PODMAN, str(program))
        text = text.replace(DIRECTORY, str(tmp_path)).replace("/var/tmp/", f"{tmp_path}/")
        text = re.sub(r"runuser -u \w+ -- ?", "", text).replace("-user xnai", "")
        done = subprocess.run(
            [request.param, "-c", text], capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) == check, done
        calls = (tmp_path / "calls").read_text().splitlines()
        (tmp_path / "calls").unlink()
        return done, calls

    return act


# `podman save` into a layout, and `podman pull --quiet`, which prints the image's ID.
SAVES = (
    'd=$7; mkdir -p "$d/blobs/sha256"; echo data > "$d/blobs/sha256/$(printf %064d 7)"; '
    'printf \'{"manifests": [{"digest": "sha256:1",\n "annotations": '
    '{"org.opencontainers.image.ref.name": "%s"}}]}\' "$8" > "$d/index.json"'
)
PULLS = f'case "$*" in *{BASE.reference}) echo {MADE_BASE.id} ;; *pull*) echo {MADE_APP.id} ;; esac'


DIRECTORY_THERE = image_commands.export_directory("0123abcd")


def test_export(run, tmp_path):
    done, calls = run(image_commands.export("xnai", [APP.reference], DIRECTORY_THERE), SAVES)
    found = image_commands.exported(done.stdout.splitlines())
    assert (tmp_path / "xnai-images-0123abcd").stat().st_mode & 0o777 == 0o700
    assert found.manifests == {APP.reference: "sha256:1"}
    assert found.sizes == {f"sha256:{7:064d}": 5}
    assert re.fullmatch(
        rf"save --quiet --format oci-dir --uncompressed --output \S+ {APP.reference}", calls[0]
    )


def test_an_export_that_fails_says_so(run):
    command = image_commands.export("xnai", [APP.reference], DIRECTORY_THERE)
    done, _ = run(command, "echo why >&2; exit 125", check=False)
    assert not done.stdout and "why" in done.stderr


@pytest.mark.parametrize("lines", [
    [], ["{}"], ['{"manifests": [{}]}'], ['{"manifests": []}', "no size"],
])
def test_what_is_no_export_is_refused(lines):
    with pytest.raises(CopyRefused):
        image_commands.exported(lines)


def test_load(run, tmp_path):
    directory = tmp_path / "copies"
    directory.mkdir()
    done, calls = run(image_commands.load(str(directory), TAKEN), PULLS)
    assert image_commands.arrived(done.stdout.splitlines()) == {BASE.reference, APP.reference}
    assert calls == [
        f"pull --quiet oci:{directory}:{BASE.reference}", f"tag {MADE_BASE.id} {BASE.reference}",
        f"pull --quiet oci:{directory}:{APP.reference}", f"tag {MADE_APP.id} {APP.reference}",
    ]
    assert not directory.exists()


def test_another_id_is_not_taken(run, tmp_path):
    done, calls = run(
        image_commands.load(str(tmp_path / "copies"), TAKEN),
        f'case "$*" in *{BASE.reference}) echo {MADE_BASE.id} ;; *pull*) echo 0ther ;; esac',
        check=False,
    )
    assert image_commands.arrived(done.stdout.splitlines()) == {BASE.reference}
    assert f"{APP.reference}: what came has another ID than {MADE_APP.id}" in done.stderr
    assert calls[-1] == f"untag 0ther {APP.reference}"


def test_another_id_does_not_take_the_name_from_the_old_image(run, tmp_path):
    old = "0123456789abcdef" * 4
    taken = [(Build(BASE, "another base", old), MADE_BASE.offer)]
    command = image_commands.load(str(tmp_path / "copies"), taken)
    _, calls = run(command, "case $1 in pull) echo 0ther ;; esac", check=False)
    # Else the build that follows would say that another run has built it meanwhile.
    assert calls[-2:] == [f"untag 0ther {BASE.reference}", f"tag {old} {BASE.reference}"]


def test_an_image_that_has_the_name_keeps_one(run, tmp_path):
    old = "0123456789abcdef" * 4
    taken = [(Build(BASE, "another base", old), MADE_BASE.offer)]
    _, calls = run(image_commands.load(str(tmp_path / "copies"), taken), PULLS)
    assert calls[0] == f"tag {old} {BASE.reference}-01234567"


def test_push(run):
    said = {
        "Id": MADE_APP.id, "Architecture": "amd64", "Config": {"Env": ["PYTHON_VERSION=3.13.5"]},
        "Labels": {"io.xnai.content": APP.content_hash, "io.xnai.parent": MADE_BASE.id},
        "RootFS": {"Layers": list(MADE_APP.offer.layers)},
    }
    (command,) = image_commands.push("xnai", REGISTRY, [APP.reference], "amd64", DIRECT)
    done, (push, inspect) = run(command, (
        f'case $1 in push) printf {digest_of(b"pushed")} > "$4" ;; '
        f"*) echo '{json.dumps([said], indent=1)}' ;; esac"
    ))
    name = APP.reference.partition("/")[2]
    assert re.fullmatch(
        rf"push --quiet --digestfile \S+ {APP.reference} "
        rf"docker://registry.lan:5000/stack/{name}-amd64", push
    )
    assert inspect == f"image inspect {APP.reference}"
    (offer,) = image_commands.pushed([APP.reference], done.stdout.splitlines())
    assert offer.manifest == digest_of(b"pushed")
    assert (offer.id, offer.parent, offer.python) == (MADE_APP.id, MADE_BASE.id, "3.13.5")


@pytest.mark.parametrize("lines", [[], ["sha256:1", "[]"], ["x", "[{}]"], ["", ""]])
def test_what_does_not_say_what_was_pushed_is_refused(lines):
    with pytest.raises(CopyRefused):
        image_commands.pushed([APP.reference], lines)


@pytest.mark.parametrize(("source", "words"), [
    (REGISTRY, ""), (REGISTRY.replace("docker:", "docker+http:"), "--tls-verify=false "),
])
def test_a_registry_is_believed_by_digest(run, source, words):
    (command,) = image_commands.pull(source, TAKEN[1:], DIRECT)
    done, calls = run(command, f"case $1 in pull) echo {MADE_APP.id} ;; esac")
    place = f"registry.lan:5000/stack/xnai_app@{MADE_APP.digest}"
    assert calls == [
        f"pull --quiet {words}{place}", f"tag {MADE_APP.id} {APP.reference}",
        f"untag {MADE_APP.id} {place}",
    ]
    assert image_commands.arrived(done.stdout.splitlines()) == {APP.reference}
