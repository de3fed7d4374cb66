"""What is believed of an image that exists elsewhere, and what is refused by name."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_images import (
    APP,
    BASE,
    BASE_IMAGE,
    MADE_APP,
    MADE_BASE,
    OFFERS,
    OTHER,
    PLANNED,
    Made,
    digest_of,
)

from xnai.facts.podman import StoreImage
from xnai.images.offer import CopyRefused, described, misfit, parsed_offer, takeable


def references(taken) -> list[str]:
    return [offer.reference for _, offer in taken]


def test_an_offer_says_what_its_blobs_say():
    offer = MADE_APP.offer
    assert (offer.reference, offer.id, offer.manifest) == (
        APP.reference, MADE_APP.id, MADE_APP.digest
    )
    assert (offer.architecture, offer.python) == ("amd64", "3.13.5")
    assert (offer.content, offer.parent) == (APP.content_hash, MADE_BASE.id)
    assert offer.layers == tuple(map(digest_of, (b"python", b"base", b"app")))
    assert offer.sizes == {digest: len(data) for digest, data in MADE_APP.blobs.items()}
    assert misfit(offer, APP, "amd64", BASE_IMAGE) == ""


def test_it_survives_being_written_down():
    assert parsed_offer(MADE_APP.offer.text()) == MADE_APP.offer


@given(st.text() | st.dictionaries(st.text(), st.text()).map(json.dumps))
def test_what_is_no_record_is_refused(text):
    with pytest.raises(CopyRefused):
        parsed_offer(text)


@pytest.mark.parametrize(("field", "value"), [
    ("id", "../../etc"), ("manifest", "latest"), ("layers", ["sha256:1"]),
    ("sizes", {"sha256:1": "1"}), ("sizes", {"sha256:1": -1}),
])
def test_a_record_with_something_else_for_a_digest_is_refused(field, value):
    text = json.dumps(json.loads(MADE_APP.offer.text()) | {field: value})
    with pytest.raises(CopyRefused, match="record of an image"):
        parsed_offer(text)


@pytest.mark.parametrize("which", ["manifest", "configuration"])
@given(data=st.data())
def test_a_changed_byte_is_found(which, data):
    good = getattr(MADE_APP, which)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1:]
    blobs = {"manifest": MADE_APP.manifest, "configuration": MADE_APP.configuration} | {which: bad}
    with pytest.raises(CopyRefused, match="changed or is damaged"):
        described(APP.reference, MADE_APP.digest, **blobs)


@pytest.mark.parametrize("manifest", [
    b"", b"[]", b"{}", b'{"config": {}, "layers": []}',
    b'{"config": {"digest": "sha256:../../etc/passwd", "size": 1}, "layers": []}',
    b'{"config": {"digest": 1, "size": true}, "layers": {}}',
])
def test_what_is_no_manifest_is_refused(manifest):
    with pytest.raises(CopyRefused, match="not a manifest"):
        described(APP.reference, digest_of(manifest), manifest, b"{}")


@pytest.mark.parametrize(("changes", "words"), [
    ({"architecture": "arm64"}, "it is for arm64, this machine is amd64"),
    ({"python": "3.12.11"}, f"it carries Python 3.12.11, base_image is {BASE_IMAGE}"),
    ({"python": "3.1"}, f"it carries Python 3.1, base_image is {BASE_IMAGE}"),
    ({"content": "0" * 64}, "its label names another content than its name"),
])
def test_what_does_not_fit_is_named(changes, words):
    assert misfit(Made(APP, MADE_BASE.id, **changes).offer, APP, "amd64", BASE_IMAGE) == words


def test_an_image_is_taken_with_its_base():
    taken, refused = takeable(PLANNED, OFFERS, [], {})
    assert references(taken) == [BASE.reference, APP.reference, OTHER.reference] and not refused


def test_an_image_of_another_base_is_built():
    """Taken, it would be built again by the next run, with all that stands on it."""
    offers = {one: offer for one, offer in OFFERS.items() if one != BASE.reference}
    taken, refused = takeable(PLANNED, offers, [], {})
    assert taken == []
    assert refused == dict.fromkeys(
        (APP.reference, OTHER.reference),
        f"it was built on another {BASE.reference} than is had here",
    )


@pytest.mark.parametrize(("present", "taken"), [(MADE_BASE.id, 2), ("another", 0)])
def test_an_image_is_taken_on_the_base_that_is_there(present, taken):
    here = [StoreImage(present, (BASE.reference,), (), 1, 0, {})]
    found, refused = takeable(PLANNED[1:], OFFERS, here, {})
    assert (len(found), len(refused)) == (taken, 2 - taken)


def test_what_does_not_fit_takes_what_stands_on_it_along():
    taken, refused = takeable(PLANNED, OFFERS, [], {BASE.reference: "it is for arm64"})
    assert taken == []
    assert refused[BASE.reference] == "it is for arm64"
    assert refused[APP.reference].startswith("it was built on another")


def test_only_what_is_lacking_is_taken():
    here = [StoreImage(MADE_BASE.id, (BASE.reference,), (), 1, 0, {})]
    taken, _ = takeable(PLANNED[2:], OFFERS, here, {})
    assert references(taken) == [OTHER.reference]


def test_a_pulled_base_that_is_another_one_is_seen():
    offer = dataclasses.replace(MADE_BASE.offer, parent="the builder's python")
    here = [StoreImage("this machine's python", (BASE_IMAGE,), (), 1, 0, {})]
    taken, refused = takeable(PLANNED[:1], {BASE.reference: offer}, here, {})
    assert taken == [] and BASE_IMAGE in refused[BASE.reference]
