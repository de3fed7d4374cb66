"""What this controller has seen of images: the reason to believe one."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from made_images import APP, MADE_APP, MADE_BASE

from xnai.images.offer import CopyRefused
from xnai.run.image_record import KEPT, ImageRecord


@pytest.fixture(params=[True, False], ids=["kept", "of this run"])
def record(request, tmp_path):
    return ImageRecord("/srv/images", tmp_path / "state/images.json" if request.param else None)


def generation(number: int):
    return dataclasses.replace(
        MADE_APP.offer, reference=f"localhost/xnai_app:{number:016x}", content=str(number)
    )


def test_what_was_seen_is_known_by_machine(record):
    arm = dataclasses.replace(MADE_APP.offer, architecture="arm64")
    assert record.keep([MADE_APP.offer]) == [] == record.keep([arm])
    assert record.of(APP.reference) == {"amd64": MADE_APP.offer, "arm64": arm}
    assert record.of("localhost/xnai_app:0") == {}


def test_one_that_was_built_anew_replaces_it(record):
    record.keep([dataclasses.replace(MADE_APP.offer, id="0" * 64)])
    record.keep([MADE_APP.offer])
    assert record.of(APP.reference) == {"amd64": MADE_APP.offer}


def test_old_generations_are_forgotten_by_image(record):
    record.keep([MADE_BASE.offer])
    gone = []
    for number in range(KEPT + 2):
        gone += record.keep([generation(number)])
    assert gone == [generation(0), generation(1)]
    assert record.all() == [MADE_BASE.offer, *(generation(n) for n in range(2, KEPT + 2))]


def test_sources_do_not_know_of_each_other(tmp_path):
    places = (f"{tmp_path}", "docker://registry.lan")
    one, other = (ImageRecord(place, tmp_path / "images.json") for place in places)
    one.keep([MADE_APP.offer])
    other.keep([MADE_BASE.offer])
    assert one.all() == [MADE_APP.offer] and other.all() == [MADE_BASE.offer]
    assert (tmp_path / "images.json").stat().st_mode & 0o777 == 0o600


def test_what_did_not_do_is_forgotten(record):
    arm = dataclasses.replace(MADE_APP.offer, architecture="arm64")
    record.keep([MADE_APP.offer, arm, MADE_BASE.offer])
    record.forget([APP.reference], "amd64")
    assert record.all() == [arm, MADE_BASE.offer]


def test_a_state_directory_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(CopyRefused, match=r"state/images\.json"):
        ImageRecord("/a", tmp_path / "state/images.json").keep([MADE_APP.offer])


def test_two_runs_at_once_lose_nothing(tmp_path):
    def keep(number: int) -> None:
        ImageRecord(f"docker://r{number}.lan", tmp_path / "images.json").keep([MADE_APP.offer])

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(12):
        record = ImageRecord(f"docker://r{number}.lan", tmp_path / "images.json")
        assert record.all() == [MADE_APP.offer]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"/a": 1}', '{"/a": [{}]}'])
def test_a_damaged_record_says_what_to_do(tmp_path, text):
    path = tmp_path / "images.json"
    path.write_text(text)
    record = ImageRecord("/a", path)
    with pytest.raises(CopyRefused, match=r"record of an image|put it back, or move it away"):
        record.all()
    with pytest.raises(CopyRefused):
        record.keep([MADE_APP.offer])
    assert path.read_text() == text, "nothing was lost"
