"""From a store's images to what is built, and what may go."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnai.catalogue import Copy, Image
from xnai.facts.podman import StoreImage
from xnai.image_content import BuildInput
from xnai.image_plan import builds, find, inputs_label, levels, prunable
from xnai.render import ROOT

LOCK = Copy(ROOT, "x", "x")
REGISTRY = "docker.io/library/python:3.12-slim"


def wanted(
    name: str, parent: str, generation: str = "1", tools: str = "", **inputs: str
) -> BuildInput:
    return BuildInput(
        name, Image(name, name, "Dockerfile", (), LOCK), "", parent, tools,
        {"base": parent, "files": generation} | inputs,
        f"localhost/xnai_{name}:{generation}", f"content of {name} {generation}", "", {},
    )


BASE = wanted("base", REGISTRY)
APP = wanted("app", BASE.reference)
WANTED = [BASE, APP]
PYTHON = StoreImage("id-python", (REGISTRY,), ("sha256:aa",), 1, 0, {})


def present(item: BuildInput, parent_id: str, created_s: int = 10, **changes: object) -> StoreImage:
    """The image as a build of `item` leaves it."""
    image = StoreImage(
        f"id-{item.reference}", (item.reference,), (), created_s, 0,
        {
            "io.xnai.stack": "xnai", "io.xnai.content": item.content_hash,
            "io.xnai.inputs": inputs_label(item), "io.xnai.parent": parent_id,
        },
    )
    return dataclasses.replace(image, **changes)


STORE = [PYTHON, present(BASE, "id-python"), present(APP, f"id-{BASE.reference}")]


def planned(items, images) -> dict[str, str]:
    return {build.wanted.name: build.reason for build in builds(items, images)}


def test_nothing_to_do():
    assert planned(WANTED, STORE) == {}
    # The base's own base may go; what was built from it stays right.
    assert planned(WANTED, STORE[1:]) == {}


def test_a_machine_without_images():
    assert planned(WANTED, []) == {"base": "absent", "app": "absent"}
    assert planned(WANTED, [PYTHON]) == {"base": "absent", "app": "absent"}


def test_the_input_that_differs_is_named():
    newer = wanted("app", BASE.reference, "2")
    assert planned([BASE, newer], STORE) == {"app": "files changed"}
    newer = wanted("app", BASE.reference, "2", requirements="x")
    assert planned([BASE, newer], STORE) == {"app": "files and requirements changed"}


def test_an_image_without_our_content_is_built_and_keeps_a_name():
    foreign = dataclasses.replace(STORE[2], labels={})
    (build,) = builds(WANTED, [*STORE[:2], foreign])
    assert (build.wanted, build.replaces) == (APP, foreign.id)


def test_a_base_that_was_pulled_anew_rebuilds_all_in_order():
    images = [dataclasses.replace(PYTHON, id="id-newer"), *STORE[1:]]
    found = builds(WANTED, images)
    assert [(b.wanted.name, b.reason, b.replaces) for b in found] == [
        ("base", f"{REGISTRY} was replaced", STORE[1].id),
        ("app", f"{BASE.reference} was replaced", STORE[2].id),
    ]


def test_a_run_killed_between_base_and_service_is_mended():
    rebuilt = dataclasses.replace(STORE[1], id="id-rebuilt")
    assert planned(WANTED, [PYTHON, rebuilt, STORE[2]]) == {
        "app": f"{BASE.reference} was replaced",
    }


def test_a_name_with_a_digest_is_found_by_it():
    assert find(STORE, f"{REGISTRY}@sha256:aa") is PYTHON
    assert find(STORE, f"{REGISTRY}@sha256:bb") is None
    assert find(STORE, REGISTRY) is PYTHON


def generations(*numbers: int) -> list[StoreImage]:
    return [
        present(wanted("app", BASE.reference, str(n)), "p", created_s=n) for n in numbers
    ]


@pytest.mark.parametrize(
    ("now", "there", "gone"),
    [
        (1, (1,), ()),
        (2, (1, 2), ()),
        (3, (1, 2, 3), (1,)),
        # To be built in this run: what runs now is the generation before.
        (4, (1, 2, 3), (1, 2)),
        # Gone back: what was built last is the other one.
        (1, (1, 2, 3), (2,)),
    ],
)
def test_the_generation_before_stays(now, there, gone):
    found = prunable([wanted("app", BASE.reference, str(now))], generations(*there), "xnai")
    assert [image.created_s for image in found] == list(gone)


def test_nothing_foreign_and_nothing_in_use_is_named():
    old, older, oldest = generations(3, 2, 1)
    other = dataclasses.replace(oldest, labels=oldest.labels | {"io.xnai.stack": "other"})
    used = dataclasses.replace(oldest, containers=1)
    without_label = dataclasses.replace(oldest, labels={})
    item = wanted("app", BASE.reference, "3")
    for image in (other, used, without_label):
        assert prunable([item], [PYTHON, old, older, image], "xnai") == []
    nameless = dataclasses.replace(oldest, names=())
    assert prunable([item], [old, older, nameless], "xnai") == [nameless]
    # A service that is no longer wanted leaves nothing behind.
    assert prunable([], [oldest], "xnai") == [oldest]


@given(st.lists(st.integers(1, 9), unique=True), st.integers(1, 9))
def test_what_is_wanted_is_never_named(there, now):
    item = wanted("app", BASE.reference, str(now))
    found = prunable([item], generations(*there), "xnai")
    assert item.reference not in {name for image in found for name in image.names}
    # One generation besides the wanted one.
    assert len(there) - len(found) == min(len(there), 1 + (now in there))


def test_what_needs_nothing_of_each_other_is_built_at_once():
    tools = wanted("build", BASE.reference)
    first = wanted("first_packages", BASE.reference, tools=tools.reference)
    second = wanted("second_packages", BASE.reference, tools=tools.reference)
    service = wanted("first", first.reference)
    site = wanted("site", BASE.reference, tools=tools.reference)

    def names(images):
        planned = builds([BASE, tools, first, service, second, site], images)
        return [[build.wanted.name for build in group] for group in levels(planned)]

    assert names([]) == [
        ["base"], ["build"], ["first_packages", "second_packages", "site"], ["first"],
    ]
    there = [present(item, "p") for item in (tools, first, second, site)]
    there = [dataclasses.replace(image, labels=image.labels | {"io.xnai.parent": "id-base"})
             for image in there]
    base = present(BASE, "p", id="id-base")
    assert names([base, *there]) == [["first"]]
    assert levels([]) == []
