"""Owners and groups as directory services name them."""

from __future__ import annotations

import pytest

from xnai.facts.sections import FileState, owned, parse_file_states


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("644 root root /etc/x", ("0644", "root", "root", "/etc/x")),
        ("750 anna.smith domain users /home/anna smith/y",
         ("0750", "anna.smith", "domain users", "/home/anna smith/y")),
        ("- - - /etc/x", ("-000", "-", "-", "/etc/x")),
        ("644 root", None),
        ("", None),
    ],
)
def test_owned(text, found):
    assert owned(text) == found


def test_a_group_with_a_blank():
    lines = ["abc 644 anna.smith domain users /home/a/b", "link - - - /etc/c", "nothing"]
    assert parse_file_states(lines) == {
        "/home/a/b": FileState("abc", "0644", "anna.smith", "domain users"),
        "/etc/c": FileState("", "", "", "", "link"),
    }
