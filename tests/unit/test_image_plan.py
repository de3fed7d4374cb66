"""From a store's images to what is built, and what may go."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from xnai.facts.podman import StoreImage
from xnai.images.content import BuildInput
from xnai.images.model import CopiedPath, Image
from xnai.images.plan import builds, find, inputs_label, levels, prunable
from xnai.templating.render import ROOT

LOCK = CopiedPath(ROOT, "x", "x")
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


def test_the_newest_image_is_compared():
    older = present(wanted("app", BASE.reference, "0", requirements="x"), "p", created_s=5)
    newer = wanted("app", BASE.reference, "2")
    for images in ([*STORE, older], [older, *STORE]):
        assert planned([BASE, newer], images) == {"app": "files changed"}


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


def digits(generation: int) -> str:
    return f"{generation:016x}"


def generation(number: int, *names: str, **changes: object) -> StoreImage:
    """The service's image of a generation, with further names."""
    item = wanted("app", f"localhost/xnai_app_packages:{digits(number)}", digits(number))
    image = present(item, f"packages {number}", created_s=number, id=f"id {number}", **changes)
    return dataclasses.replace(image, names=(*image.names, *names))


def packages(number: int) -> StoreImage:
    item = wanted("app_packages", BASE.reference, digits(number))
    return present(item, "no such base", id=f"packages {number}")


PREVIOUS = "localhost/xnai_app:previous"


def pruned(now: int, *there: StoreImage, **replaced: str) -> list[str]:
    """The numbers of the generations whose names are taken away."""
    item = wanted("app", f"localhost/xnai_app_packages:{digits(now)}", digits(now))
    lower = wanted("app_packages", BASE.reference, digits(now))
    names = prunable([lower, item], there, "xnai", replaced)
    return [f"{name.split(':')[0].removeprefix('localhost/xnai_')} {int(name[-16:], 16)}"
            for name in names]


def test_what_ran_before_stays_with_what_it_was_built_from():
    before = [generation(1, PREVIOUS), packages(1), generation(2, containers=1), packages(2)]
    assert pruned(2, *before) == []
    # A third one will be built in this run: the second gets the name, the first goes.
    assert pruned(3, *before, app="id 2") == ["app 1", "app_packages 1"]
    third = [generation(3, containers=1), packages(3)]
    after = [generation(2, PREVIOUS), packages(2), *third]
    assert pruned(3, *after) == []


def test_going_back_keeps_what_was_left_last():
    before = [generation(1, PREVIOUS), packages(1), generation(2, containers=1), packages(2)]
    assert pruned(1, *before, app="id 2") == []
    after = [generation(1, containers=1), packages(1), generation(2, PREVIOUS), packages(2)]
    assert pruned(1, *after) == []
    # And on to a third one: the first ran just before it.
    assert pruned(3, *after, app="id 1") == ["app 2", "app_packages 2"]


def test_an_image_built_anew_under_its_name_is_no_change_for_the_next_run():
    old = generation(1, PREVIOUS)
    old = dataclasses.replace(old, names=(f"{old.names[0]}-0123abcd", PREVIOUS))
    now = dataclasses.replace(generation(1, containers=1), id="newer")
    assert prunable([wanted("app", "p", digits(1))], [old, now], "xnai", {}) == []


def test_nothing_foreign_and_nothing_in_use_is_named():
    oldest = generation(1)
    assert pruned(3, oldest, generation(3)) == ["app 1"]
    for changes in (
        {"labels": oldest.labels | {"io.xnai.stack": "other"}},
        {"containers": 1},
        {"labels": {}},
        # Built or committed from an image of ours: the labels are inherited.
        {"names": ("localhost/mine:1",)},
        {"names": ("localhost/xnai_app:mine",)},
        {"names": ()},
        {"names": (*oldest.names, "localhost/mine:1")},
        {"names": ("localhost/xnai2_app:0000000000000001",)},
    ):
        assert pruned(3, dataclasses.replace(oldest, **changes), generation(3)) == [], changes


@given(st.lists(st.integers(1, 9), unique=True), st.integers(1, 9), st.integers(1, 9))
def test_what_is_wanted_and_what_ran_before_is_never_named(there, now, before):
    images = [
        generation(n, *([PREVIOUS] if n == before else ()), containers=int(n == now))
        for n in there
    ]
    gone = {int(name.split()[1]) for name in pruned(now, *images)}
    assert gone == set(there) - {now, before}


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
