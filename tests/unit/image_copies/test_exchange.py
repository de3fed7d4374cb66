"""Which host builds and which wait: once, whatever the order, and without a circle."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from xnai.run.exchange import ImageExchange, exchange_of

NAMES = [f"image {number}" for number in range(6)]


def run(exchange, host, lacks, built, fails=(), base=""):
    """A host of the run, as the operation does it."""
    bases = dict.fromkeys(lacks, base)
    mine = exchange.begin(host, "amd64", bases)
    there = set()
    try:
        for name in lacks:
            if name not in mine:
                exchange.wait(name, "amd64", base)
                if exchange.holders(name, "amd64", base):
                    there.add(name)
        if host in fails:
            raise RuntimeError
        for name in lacks:
            if name not in there:
                built.append(name)
                there.add(name)
    except RuntimeError:
        there = set()
    finally:
        exchange.end(host, "amd64", bases, mine, there)


@given(st.lists(st.lists(st.sampled_from(NAMES), unique=True), min_size=1, max_size=6))
def test_each_image_is_built_once(lacked):
    exchange, built = ImageExchange(), []
    threads = [
        threading.Thread(target=run, args=(exchange, f"host {n}", lacks, built), daemon=True)
        for n, lacks in enumerate(lacked)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "two wait for each other"
    assert sorted(built) == sorted({name for lacks in lacked for name in lacks})


@given(st.lists(st.lists(st.sampled_from(NAMES), unique=True), min_size=1, max_size=6))
def test_one_after_the_other(lacked):
    """With --serial a host is done before the next one begins."""
    exchange, built = ImageExchange(), []
    for number, lacks in enumerate(lacked):
        run(exchange, number, lacks, built)
    assert sorted(built) == sorted({name for lacks in lacked for name in lacks})


def test_whoever_waits_for_a_build_that_fails_builds():
    exchange, built = ImageExchange(), []
    run(exchange, "first", NAMES[:1], built, fails=("first",))
    assert built == []
    run(exchange, "second", NAMES[:1], built)
    assert built == NAMES[:1] and list(exchange.holders(NAMES[0], "amd64", "")) == ["second"]


def test_what_a_host_has_nobody_builds():
    exchange = ImageExchange()
    exchange.has("old", "amd64", {NAMES[0]: "a base"})
    assert exchange.begin("new", "amd64", dict.fromkeys(NAMES[:2], "")) == {NAMES[1]}
    assert exchange.builder(NAMES[1], "amd64", "") == "new"
    both = dict.fromkeys(NAMES[:2], "")
    assert exchange.begin("arm", "arm64", both) == set(both), "another machine's is of no use"
    exchange.wait(NAMES[0], "amd64", "")


def test_hosts_with_bases_of_their_own_do_not_wait_for_each_other():
    """Each built its base itself: what the other builds on its own would be built again here."""
    exchange, built = ImageExchange(), []
    exchange.has("third", "amd64", {NAMES[0]: "its base"})
    mine = exchange.begin("first", "amd64", {NAMES[0]: "first's base"})
    assert mine == {NAMES[0]}, "the third's is of no use"
    run(exchange, "second", NAMES[:1], built, base="second's base")
    assert built == NAMES[:1]
    assert list(exchange.holders(NAMES[0], "amd64", "second's base")) == ["second"]
    # Whoever lacks the base as well takes either.
    assert list(exchange.holders(NAMES[0], "amd64", "")) == ["third", "second"]


def test_a_run_has_one():
    class Run(SimpleNamespace):
        __hash__ = object.__hash__

    one, other = Run(), Run()
    assert exchange_of(one) is exchange_of(one) is not exchange_of(other)
