"""Copy what is elsewhere, build the rest, and say what happened: with sources of the test's own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from made_images import APP, BASE, BASE_IMAGE, OFFERS, OTHER, PLANNED
from pyinfra.api.exceptions import OperationError
from pyinfra.context import ctx_host, ctx_state

from xnai.images.offer import CopyRefused
from xnai.operations import image_copy
from xnai.run.exchange import ImageExchange

ALL = [BASE.reference, APP.reference, OTHER.reference]


class Host(SimpleNamespace):
    """A host of the run, which remembers what it is told."""

    __hash__ = object.__hash__

    def __init__(self, name: str) -> None:
        super().__init__(name=name, logged=[], connector_data={}, current_op_global_arguments=None)

    def log(self, text: str) -> None:
        self.logged.append(text)


class Source:
    """A source that has some images; `fails` are those of its methods that do not work."""

    def __init__(self, offers=(), lasting=True, fails=(), refused=None, arrives=None) -> None:
        self.name, self.lasting, self.fails = "the source", lasting, fails
        self.there = {one: OFFERS[one] for one in offers}
        self.refused, self.arrives, self.brought = refused or {}, arrives, []

    def _may(self, what: str) -> None:
        if what in self.fails:
            raise CopyRefused(f"{what} does not work")

    def offers(self, references, architecture):
        assert architecture == "amd64"
        self._may("offers")
        return {one: offer for one, offer in self.there.items() if one in references}, self.refused

    def bring(self, holder, references, over=False):
        self._may("bring")
        self.brought.append((holder.name, list(references)))
        self.there |= {one: OFFERS[one] for one in references}

    def install(self, host, taken):
        self._may("install")
        return {o.reference for _, o in taken} if self.arrives is None else self.arrives


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.setattr(image_copy, "architecture_of", lambda host: "amd64")
    monkeypatch.setattr(
        image_copy, "current", lambda host: SimpleNamespace(base_image=BASE_IMAGE)
    )


def obtain(source, exchange=None, host=None, planned=PLANNED, build_fails=False):
    """Run the operation; returns the host, and the references that were built."""
    host, built = host or Host("one"), []

    def build(rest):
        for one in rest:
            yield f"build {one.wanted.name}"
            built.append(one.wanted.reference)

    elsewhere = image_copy.Elsewhere(source, exchange or ImageExchange())
    with ctx_state.use(SimpleNamespace(is_executing=True)), ctx_host.use(host):
        generator = image_copy.obtain._inner(planned, [], elsewhere, build)
        commands = []
        for command in generator:
            commands.append(str(command))
            if build_fails:
                generator.close()  # as pyinfra does after a command that fails
                break
    return host, built, commands


def test_all_is_copied():
    host, built, commands = obtain(Source(ALL))
    assert built == [] and commands == ["true"], "a change, though nothing is built"
    assert host.logged == ["copied from the source: 3 images, and none of them was built here"]


def test_all_is_built_and_given_on():
    source = Source()
    host, built, commands = obtain(source)
    assert built == ALL and len(commands) == 3
    assert source.brought == [("one", ALL)]
    assert host.logged == ["copied to the source: 3 images"]


def test_what_lasts_only_for_the_run_is_given_nothing():
    source = Source(lasting=False)
    assert obtain(source)[1] == ALL and source.brought == []


def test_only_the_rest_is_built():
    source = Source([BASE.reference, APP.reference])
    _, built, _ = obtain(source)
    assert built == [OTHER.reference] and source.brought == [("one", [OTHER.reference])]


@pytest.mark.parametrize(("source", "words"), [
    (Source(ALL, fails=["offers"]), "the source: offers does not work"),
    (Source(ALL, fails=["install"]), "not copied from the source, built here: install does not"),
    (Source(fails=["bring"]), "not copied to the source: bring does not work"),
    (Source(refused={APP.reference: "it is for arm64"}), "is not taken from elsewhere: it is for"),
])
def test_whatever_goes_wrong_is_told_and_built(source, words):
    host, built, _ = obtain(source)
    assert built == ALL and any(words in line for line in host.logged), host.logged


def test_what_came_before_the_end_is_not_built():
    _, built, _ = obtain(Source(ALL, arrives={BASE.reference}))
    assert built == ALL[1:]


def test_what_does_not_fit_is_named_and_built(monkeypatch):
    monkeypatch.setattr(image_copy, "architecture_of", lambda host: "arm64")
    source = Source(ALL)
    source.offers = lambda references, architecture: (dict(source.there), {})
    host, built, _ = obtain(source)
    assert built == ALL
    assert host.logged[0] == (
        f"{BASE.reference} is not taken from elsewhere: it is for amd64, this machine is arm64"
    )


def test_another_hosts_images_are_copied():
    exchange, source = ImageExchange(), Source(lasting=False)
    exchange.has(Host("two"), "amd64", dict.fromkeys(ALL, ""))
    host, built, _ = obtain(source, exchange)
    assert built == [] and source.brought == [("two", ALL)]
    assert host.logged[0] == "copying 3 images from two"


def test_the_first_builds_and_the_next_copies():
    exchange, source = ImageExchange(), Source(lasting=False)
    assert obtain(source, exchange)[1] == ALL
    assert obtain(source, exchange, Host("two"))[1] == []
    assert source.brought == [("one", ALL)]


def test_a_build_that_fails_leaves_nobody_waiting():
    exchange, source = ImageExchange(), Source(lasting=False)
    _, built, _ = obtain(source, exchange, build_fails=True)
    assert built == []
    assert obtain(source, exchange, Host("two"))[1] == ALL, "built there, and not waited for"


def test_a_host_that_cannot_give_is_not_waited_for():
    exchange, source = ImageExchange(), Source(lasting=False, fails=["bring"])
    exchange.has(Host("two"), "amd64", dict.fromkeys(ALL, ""))
    host, built, _ = obtain(source, exchange)
    assert built == ALL
    assert host.logged[1] == "not copied from two: bring does not work"


def test_the_next_one_that_has_them_is_asked():
    exchange, source = ImageExchange(), Source(lasting=False)
    for name in ("two", "three"):
        exchange.has(Host(name), "amd64", dict.fromkeys(ALL, ""))
    real = source.bring

    def bring(holder, references, over=False):
        if holder.name == "two":
            raise CopyRefused("two does not answer")
        real(holder, references)

    source.bring = bring
    host, built, _ = obtain(source, exchange)
    assert built == [] and source.brought == [("three", ALL)]
    assert "not copied from two: two does not answer" in host.logged


def test_the_plan_alone_touches_nothing():
    source = Source(fails=["offers", "bring", "install"])
    with ctx_state.use(SimpleNamespace(is_executing=False)), ctx_host.use(Host("one")):
        elsewhere = image_copy.Elsewhere(source, ImageExchange())
        assert list(image_copy.obtain._inner(PLANNED, [], elsewhere, None)) == ["true"]
        assert list(image_copy.give._inner(ALL, source)) == ["true"]


def test_what_a_lasting_source_lacks():
    host = Host("one")
    assert image_copy.lacking(Source([BASE.reference]), host, ALL) == ALL[1:]
    assert image_copy.lacking(Source(lasting=False), host, ALL) == []
    assert image_copy.lacking(Source(fails=["offers"]), host, ALL) == []
    assert host.logged == ["the source: offers does not work"]


def test_giving_on_fails_loudly():
    source = Source()
    with ctx_state.use(SimpleNamespace(is_executing=True)), ctx_host.use(Host("one")):
        assert list(image_copy.give._inner([BASE.reference], source)) == ["true"]
        assert source.brought == [("one", [BASE.reference])]
        source.fails = ["bring"]
        with pytest.raises(OperationError, match=r"bring does not work\. The stack itself"):
            list(image_copy.give._inner([BASE.reference], source))
