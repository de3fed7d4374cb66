"""From one host's Podman through a directory to another's: every command is really run here.

In Podman's place stands a program that keeps an OCI layout; root's and the user's commands are run
as whoever runs the tests.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from types import SimpleNamespace

import pytest
from made_images import (
    APP,
    BASE,
    MADE_APP,
    MADE_BASE,
    MADE_OTHER,
    OTHER,
    PLANNED,
    Made,
    digest_of,
)
from paramiko import SSHException
from pyinfra.context import ctx_state

from xnai.images.layout import Layout, index_text
from xnai.images.offer import CopyRefused
from xnai.operations import image_commands, image_directory, image_source
from xnai.operations.image_directory import DirectorySource, temporary
from xnai.remote.lease_code import DIRECTORY
from xnai.run import user_directories
from xnai.run.image_record import ImageRecord

RUN_ON = image_source.run_on
MADE = {one.reference: one for one in (MADE_BASE, MADE_APP, MADE_OTHER)}
TAKEN = [(build, MADE[build.wanted.reference].offer) for build in PLANNED]

PODMAN = r"""#!/usr/bin/python3 -I
# A store that is a layout: $STORE with blobs/ and one file names.json, reference -> manifest.
import json, pathlib, shutil, sys
store = pathlib.Path(@STORE@)
names = json.loads((store / "names.json").read_text())
blob = lambda where, digest: where / "blobs" / digest.replace(":", "/")
manifest = lambda where, digest: json.loads(blob(where, digest).read_bytes())
words = sys.argv[1:]
if words[0] == "save":
    out, reference = pathlib.Path(words[-2]), words[-1]
    if reference not in names:
        sys.exit(f"Error: {reference}: image not known")
    (out / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    found = manifest(store, names[reference])
    for one in (found["config"], *found["layers"], {"digest": names[reference]}):
        shutil.copy(blob(store, one["digest"]), blob(out, one["digest"]))
    index = out / "index.json"
    entries = json.loads(index.read_text())["manifests"] if index.exists() else []
    name = {"org.opencontainers.image.ref.name": reference}
    entries.append({"digest": names[reference], "annotations": name})
    index.write_text(json.dumps({"manifests": entries}, indent=1))
elif words[0] == "images":
    print("\n".join(names.values()))
elif words[:2] == ["image", "inspect"]:
    print("\n".join(l["digest"] for m in names.values() for l in manifest(store, m)["layers"]))
elif words[0] == "pull":
    _, directory, reference = words[-1].split(":", 2)
    out = pathlib.Path(directory)
    (digest,) = [one["digest"] for one in json.loads((out / "index.json").read_text())["manifests"]
                 if one["annotations"]["org.opencontainers.image.ref.name"] == reference]
    found = manifest(out, digest)
    for one in (found["config"], *found["layers"], {"digest": digest}):
        if not blob(store, one["digest"]).exists():
            shutil.copy(blob(out, one["digest"]), blob(store, one["digest"]))
    names[reference] = digest
    (store / "names.json").write_text(json.dumps(names))
    print(found["config"]["digest"].partition(":")[2])
"""


class Host:
    """A machine: its Podman's store, its disk, and the commands that were run on it."""

    def __init__(self, path, images=()):
        self.name, self.path, self.logged, self.commands = path.name, path, [], []
        self.store, self.fails = path / "store", ""
        (self.store / "blobs/sha256").mkdir(parents=True)
        for one in images:
            one.write(self.store)
        self.names = {one.reference: one.digest for one in images}
        (self.store / "names.json").write_text(json.dumps(self.names))
        self.podman = path / "podman"
        self.podman.write_text(PODMAN.replace("@STORE@", repr(str(self.store))))
        self.podman.chmod(0o755)

    def log(self, text):
        self.logged.append(text)

    @property
    def images(self):
        return set(json.loads((self.store / "names.json").read_text()))

    def run(self, command):
        text = str(command).replace(image_commands.XNAI_PODMAN, str(self.podman))
        for place in (DIRECTORY, "/var/tmp", "/var/lib/xnai"):
            text = text.replace(place, str(self.path))
        text = re.sub(r"runuser -u \w+ -- ?", "", text).replace("-user xnai", "")
        self.commands.append(text)
        stdin = getattr(command, "connector_arguments", {}).get("_stdin", [])
        done = subprocess.run(
            ["sh", "-c", text], input="".join(f"{line}\n" for line in stdin), text=True,
            capture_output=True, check=False,
        )
        lines = done.stdout.splitlines()
        if done.returncode or (self.fails and self.fails in text):
            raise CopyRefused(f"{self.name}: {done.stderr.strip() or 'it was cut off'}", lines)
        return lines


@pytest.fixture(autouse=True)
def here(monkeypatch):
    for module in (image_source, image_directory):
        monkeypatch.setattr(module, "run_on", lambda host, command: host.run(command))
        monkeypatch.setattr(module, "architecture_of", lambda host: "amd64")
    monkeypatch.setattr(image_source, "connector_arguments", lambda host, state: {})
    settings = SimpleNamespace(stack_user="xnai", stack_name="xnai")
    monkeypatch.setattr(image_directory, "current", lambda host: settings)


@pytest.fixture
def source(tmp_path):
    record = ImageRecord("images", tmp_path / "state/images.json")
    return DirectorySource(Layout(tmp_path / "images"), record, "images", lasting=True)


@pytest.fixture
def old(tmp_path):
    return Host(tmp_path / "old", MADE.values())


def blobs_of(host):
    return {path.name: path.read_bytes() for path in (host.store / "blobs/sha256").iterdir()}


def test_from_one_to_the_other(source, old, tmp_path):
    source.bring(old, list(MADE))
    assert source.offers(list(MADE), "amd64") == ({r: m.offer for r, m in MADE.items()}, {})
    new = Host(tmp_path / "new")
    assert source.install(new, TAKEN) == set(MADE) == new.images
    assert blobs_of(new) == blobs_of(old)
    for host in (old, new):
        assert not [*host.path.glob("xnai-images-*"), *host.path.rglob("copies")], "tidied up"


def test_a_second_time_nothing_is_asked(source, old):
    source.bring(old, list(MADE))
    before = len(old.commands)
    source.bring(old, list(MADE))
    assert len(old.commands) == before


def test_layers_that_are_there_are_not_sent(source, old, tmp_path):
    source.bring(old, list(MADE))
    new = Host(tmp_path / "new", [MADE_BASE])
    sent = []
    run = new.run

    def watched(command):
        found = re.findall(r"blobs/sha256/([0-9a-f]{64})", str(command))
        sent.extend(found)
        return run(command)

    new.run = watched
    assert source.install(new, TAKEN[1:]) == {APP.reference, OTHER.reference}
    assert digest_of(b"base").partition(":")[2] not in sent


def test_what_was_changed_in_the_directory_is_named_and_not_taken(source, old, tmp_path):
    source.bring(old, list(MADE))
    blob = tmp_path / "images/blobs" / digest_of(b"app").replace(":", "/")
    blob.write_bytes(b"APP")
    new = Host(tmp_path / "new")
    assert source.install(new, TAKEN) == {BASE.reference, OTHER.reference} == new.images
    (line,) = [line for line in new.logged if "changed or is damaged" in line]
    assert line.startswith(f"{APP.reference} is not taken from elsewhere: {blob}")
    # Built there, it comes back.
    source.bring(old, [APP.reference])
    assert blob.read_bytes() == b"app"


def test_a_base_that_was_changed_takes_all_along(source, old, tmp_path):
    source.bring(old, list(MADE))
    (tmp_path / "images/blobs" / digest_of(b"base").replace(":", "/")).write_bytes(b"BASE")
    new = Host(tmp_path / "new")
    with pytest.raises(CopyRefused, match="no image is left to copy"):
        source.install(new, TAKEN)
    assert not new.images and len(new.logged) == 3


def test_a_name_alone_is_not_believed(source, old, tmp_path):
    layout = Layout(tmp_path / "images")
    layout.prepare()
    MADE_APP.write(layout.directory)
    (layout.directory / "index.json").write_text(index_text([MADE_APP.offer]))
    found, refused = source.offers(list(MADE), "amd64")
    assert found == {} and list(refused) == [APP.reference]
    assert "this controller has not seen it built: nothing in" in refused[APP.reference]


def test_one_for_another_machine_is_named(source, old):
    source.bring(old, [BASE.reference])
    found, refused = source.offers([BASE.reference], "arm64")
    assert found == {}
    assert refused == {BASE.reference: "it is there for amd64, this machine is arm64"}


def test_a_blob_that_is_gone_is_told(source, old, tmp_path):
    source.bring(old, list(MADE))
    (tmp_path / "images/blobs" / digest_of(b"app").replace(":", "/")).unlink()
    found, refused = source.offers(list(MADE), "amd64")
    assert set(found) == {BASE.reference, OTHER.reference}
    assert refused[APP.reference].endswith("has not all of its parts any more")


@pytest.mark.parametrize("cut", ["save", "gzip -1", "find blobs"])
def test_a_host_that_is_cut_off_while_it_gives(source, old, cut):
    old.fails = cut
    with pytest.raises(CopyRefused, match="old: it was cut off"):
        source.bring(old, list(MADE))
    assert not [*old.path.glob("xnai-images-*")], "nothing is left there"
    assert source.offers(list(MADE), "amd64")[0] == {}
    old.fails = ""
    source.bring(old, list(MADE))
    assert len(source.offers(list(MADE), "amd64")[0]) == 3


@pytest.mark.parametrize("cut", ["oci-layout", "base64 -d", "pull"])
def test_a_host_that_is_cut_off_while_it_takes(source, old, tmp_path, cut):
    source.bring(old, list(MADE))
    new = Host(tmp_path / "new")
    new.fails = cut
    if cut == "pull":  # the images had come by then
        assert source.install(new, TAKEN) == set(MADE)
    else:
        with pytest.raises(CopyRefused, match="new: it was cut off"):
            source.install(new, TAKEN)
    assert not [*new.path.rglob("copies")], "a build may need the room"
    new.fails = ""
    assert source.install(new, TAKEN) == set(MADE)


def test_an_image_that_the_host_has_not_is_told(source, tmp_path):
    with pytest.raises(CopyRefused, match=f"{BASE.reference}: image not known"):
        source.bring(Host(tmp_path / "old"), [BASE.reference])


def test_what_did_not_do_is_replaced(source, old, tmp_path):
    source.bring(old, [APP.reference])
    other = Made(APP, "another base", layers=(b"python", b"another base", b"app"))
    rebuilt = Host(tmp_path / "rebuilt", [other])
    source.bring(rebuilt, [APP.reference])
    assert source.offers([APP.reference], "amd64")[0] == {APP.reference: MADE_APP.offer}
    source.bring(rebuilt, [APP.reference], over=True)
    assert source.offers([APP.reference], "amd64")[0] == {APP.reference: other.offer}


def test_the_runs_own_directory_goes_with_it(monkeypatch, tmp_path):
    monkeypatch.setattr(user_directories, "cache", lambda: tmp_path)
    ended = []
    monkeypatch.setattr(image_directory.atexit, "register", lambda *a, **k: ended.append(a))
    for name, age_s in (("images-1-old", 90_000), ("images-2-new", 60)):
        (tmp_path / name).mkdir()
        then = time.time() - age_s
        os.utime(tmp_path / name, (then, then))
    made = temporary()
    assert not made.exists(), "not before it is needed"
    assert [path.name for path in tmp_path.iterdir()] == ["images-2-new"]
    Layout(made).prepare()
    assert made.stat().st_mode & 0o777 == 0o700
    assert ended[0][1:] == (made,)


def test_a_run_needs_no_cache_where_nothing_is_copied(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(user_directories, "cache", lambda: tmp_path / "file/cache")
    path = temporary()
    with pytest.raises(CopyRefused):
        Layout(path).prepare()


def test_a_host_that_is_gone_is_no_reason_to_fail():
    class Gone:
        name = "old"

        def run_shell_command(self, *_, **__):
            raise SSHException("SSH session not active")

    said = "old does not answer: SSH session not active"
    with ctx_state.use(SimpleNamespace()), pytest.raises(CopyRefused, match=said):
        RUN_ON(Gone(), "true")
