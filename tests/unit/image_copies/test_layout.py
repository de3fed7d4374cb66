"""The directory of images on the controller: what is in it is believed by digest alone."""

from __future__ import annotations

import json
import os
import time

import pytest
from made_images import APP, MADE_APP, MADE_BASE, MADE_OTHER, Made, digest_of

from xnai.images.layout import Layout, configuration_of, index_text
from xnai.images.offer import CopyRefused


@pytest.fixture
def layout(tmp_path):
    made = Layout(tmp_path / "images")
    made.prepare()
    return made


def test_a_new_one_is_for_nobody_else(layout):
    assert layout.directory.stat().st_mode & 0o777 == 0o700
    assert json.loads((layout.directory / "oci-layout").read_text()) == {
        "imageLayoutVersion": "1.0.0"
    }


def test_one_that_others_may_write_is_refused(tmp_path):
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    with pytest.raises(CopyRefused, match=r"others may write it .* mode 0777.*chmod go-w"):
        Layout(open_to_all).prepare()


def test_a_file_in_its_place_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CopyRefused, match="image_source names a directory of yours"):
        Layout(tmp_path / "file").prepare()


def test_a_blob_comes_in_pieces_and_goes_in_pieces(layout):
    data = os.urandom(1000)
    digest = digest_of(data)
    assert not layout.has(digest, 1000)
    layout.add(digest, (data[at : at + 300] for at in range(0, 1000, 300)))
    assert layout.has(digest, 1000)
    layout.check(digest)
    assert layout.read(digest, 300, 300) + layout.read(digest, 600, 400) == data[300:]
    assert layout.small(digest) == data


def test_a_blob_that_came_changed_is_not_kept(layout):
    with pytest.raises(CopyRefused, match="another sha256"):
        layout.add(digest_of(b"good"), [b"bad"])
    assert [*(layout.directory / "blobs/sha256").iterdir()] == []


def test_a_blob_that_was_changed_there_is_named_and_goes(layout):
    MADE_APP.write(layout.directory)
    digest = digest_of(b"app")
    layout.path(digest).write_bytes(b"bad")
    assert layout.has(digest, 3), "its size is the same"
    with pytest.raises(CopyRefused, match=f"{layout.path(digest)} was changed or is damaged"):
        layout.check(digest)
    assert not layout.path(digest).exists(), "so it is fetched again"


def test_a_manifest_that_was_changed_is_named(layout):
    MADE_APP.write(layout.directory)
    layout.path(MADE_APP.digest).write_bytes(MADE_BASE.manifest)
    with pytest.raises(CopyRefused, match="changed or is damaged"):
        layout.small(MADE_APP.digest)


@pytest.mark.parametrize("digest", ["", "sha256:", "sha256:../../../etc/passwd", "md5:0"])
def test_only_a_digest_becomes_a_path(layout, digest):
    with pytest.raises(CopyRefused, match="no sha256 digest"):
        layout.path(digest)


def test_the_configuration_is_named_by_the_manifest():
    assert configuration_of(MADE_APP.manifest) == f"sha256:{MADE_APP.id}"
    for bad in (b"", b"[]", b"{}", b'{"config": 1}'):
        with pytest.raises(CopyRefused):
            configuration_of(bad)


def test_the_index_keeps_what_others_wrote(layout):
    MADE_APP.write(layout.directory)
    MADE_OTHER.write(layout.directory)
    theirs = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": MADE_OTHER.digest, "size": len(MADE_OTHER.manifest),
        "annotations": {"org.opencontainers.image.ref.name": "theirs"},
    }
    (layout.directory / "index.json").write_text(json.dumps({"manifests": [theirs]}))
    layout.index([MADE_APP.offer])
    layout.index([MADE_APP.offer])
    assert layout.names() == {"theirs": MADE_OTHER.digest, APP.reference: MADE_APP.digest}


def test_an_index_that_cannot_be_read_names_nothing(layout):
    assert layout.names() == {}
    for bad in ("", "[]", '{"manifests": [{}]}', '{"manifests": 1}'):
        (layout.directory / "index.json").write_text(bad)
        assert layout.names() == {}


def test_the_index_for_a_host_names_each_image():
    found = json.loads(index_text([MADE_BASE.offer, MADE_APP.offer]))["manifests"]
    assert [(one["digest"], one["size"]) for one in found] == [
        (one.digest, len(one.manifest)) for one in (MADE_BASE, MADE_APP)
    ]


def test_what_no_other_image_needs_goes(layout):
    for one in (MADE_BASE, MADE_APP, MADE_OTHER):
        one.write(layout.directory)
    layout.remove(MADE_APP.offer, [MADE_BASE.offer, MADE_OTHER.offer])
    left = {f"sha256:{path.name}" for path in (layout.directory / "blobs/sha256").iterdir()}
    assert left == MADE_BASE.blobs.keys() | MADE_OTHER.blobs.keys()


def test_what_somebody_elses_image_needs_stays(layout):
    for one in (MADE_APP, MADE_OTHER):
        one.write(layout.directory)
    theirs = {
        "digest": MADE_OTHER.digest, "size": len(MADE_OTHER.manifest),
        "annotations": {"org.opencontainers.image.ref.name": "theirs"},
    }
    (layout.directory / "index.json").write_text(json.dumps({"manifests": [theirs]}))
    layout.remove(MADE_APP.offer, [])
    left = {f"sha256:{path.name}" for path in (layout.directory / "blobs/sha256").iterdir()}
    assert left == set(MADE_OTHER.blobs)


def test_nothing_goes_where_it_cannot_be_told_what_others_need(layout):
    MADE_APP.write(layout.directory)
    theirs = {"digest": digest_of(b"gone"), "size": 4}
    (layout.directory / "index.json").write_text(json.dumps({"manifests": [theirs]}))
    layout.remove(MADE_APP.offer, [])
    assert all(layout.has(digest, len(data)) for digest, data in MADE_APP.blobs.items())


def test_the_index_has_one_name_for_two_machines(layout):
    arm = Made(APP, MADE_BASE.id, architecture="arm64")
    for one in (MADE_APP, arm):
        one.write(layout.directory)
    layout.index([MADE_APP.offer])
    layout.index([arm.offer])
    found = json.loads((layout.directory / "index.json").read_text())["manifests"]
    assert {one["digest"] for one in found} == {MADE_APP.digest, arm.digest}


def test_what_a_killed_run_left_goes_a_day_later(layout):
    blobs = layout.directory / "blobs/sha256"
    for name, age_s in ((".old", 90_000), (".new", 60)):
        (blobs / name).write_bytes(b"")
        then = time.time() - age_s
        os.utime(blobs / name, (then, then))
    layout.prepare()
    assert [path.name for path in blobs.iterdir()] == [".new"]
