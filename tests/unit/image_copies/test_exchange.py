"""Which host builds and which wait: once, whatever the order, and without a circle."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from xnai.run.exchange import ImageExchange, exchange_of

NAMES = [f"image {number}" for number in range(6)]


def run(exchange, host, lacks, built, fails=()):
    """A host of the run, as the operation does it."""
    mine = exchange.begin("amd64", lacks)
    there = set()
    try:
        for name in lacks:
            if name not in mine:
                exchange.wait(name, "amd64")
                if exchange.holders(name, "amd64"):
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
        exchange.end(host, "amd64", mine, there)


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
    assert built == NAMES[:1] and list(exchange.holders(NAMES[0], "amd64")) == ["second"]


def test_what_a_host_has_nobody_builds():
    exchange = ImageExchange()
    exchange.has("old", "amd64", NAMES[:1])
    assert exchange.begin("amd64", NAMES[:2]) == {NAMES[1]}
    assert exchange.begin("arm64", NAMES[:2]) == set(NAMES[:2]), "another machine's is of no use"
    exchange.wait(NAMES[0], "amd64")


def test_a_run_has_one():
    class Run(SimpleNamespace):
        __hash__ = object.__hash__

    one, other = Run(), Run()
    assert exchange_of(one) is exchange_of(one) is not exchange_of(other)
