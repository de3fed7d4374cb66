"""No word of Podman is used that a Podman which preflight lets through does not know."""

from __future__ import annotations

import pytest
from podman_words import TABLE, since, used

from xnai.preflight.platform import OLDEST_PODMAN


def test_every_option_in_use_stands_in_the_table():
    known = {option for options in TABLE["commands"].values() for option in options}
    others = set(TABLE["others"]["words"])
    unknown = {f"--{option} ({place})" for option, place in used().items()
               if option not in known | others}
    assert not unknown, "which program's are they, and since when does Podman have them?"
    assert not others - set(used()), "no longer used"
    assert not others & known


@pytest.mark.parametrize("word", TABLE["since"])
def test_nothing_is_newer_than_the_oldest_podman_that_preflight_lets_through(word):
    command, _, option = word.partition(" --")
    version = since(command, option)
    assert version is not None and version[:2] <= OLDEST_PODMAN
    assert option in TABLE["commands"][command] if option else command in TABLE["commands"]
