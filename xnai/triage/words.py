"""The words of the command line: hosts of the inventory, or services that are asked about."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

# What people call them.
ALIASES = {
    "chainlit": "chainlit_ui", "ui": "chainlit_ui", "rag": "rag_api", "api": "rag_api",
    "postgres": "vikunja_db", "postgresql": "vikunja_db", "curation": "curation_worker",
    "worker": "curation_worker", "model": "llm",
}


class UnknownWord(Exception):
    """A word is neither a host nor a service; the text says so, with the nearest ones."""


def sorted_out(
    words: Sequence[str], hosts: Collection[str], services: Collection[str]
) -> tuple[list[str], list[str]]:
    """Return the hosts and the services among the words; what is both is a host.

    Args:
        words: of the command line.
        hosts: names of the inventory.
        services: names of our services.

    Raises:
        UnknownWord: a word is neither.
    """
    chosen, asked = [], []
    for word in words:
        if word in hosts:
            chosen.append(word)
        elif word in services or word in ALIASES:
            asked.append(word)
        else:
            near = difflib.get_close_matches(word, [*hosts, *services, *ALIASES], 3, 0.5)
            meant = f" Did you mean {' or '.join(near)}?" if near else ""
            raise UnknownWord(
                f"{word} is neither a host of the inventory ({', '.join(sorted(hosts)) or 'none'}) "
                f"nor a service ({', '.join(sorted(services))}).{meant} For a service of a project "
                f"of your own: --service {word}"
            )
    return chosen, asked


def service_of_project(word: str, names: Collection[str]) -> str:
    """Return the service that a word means on a host: itself where there is one, else its alias.

    Args:
        word: as asked.
        names: of the services there.
    """
    return word if word in names else ALIASES.get(word, word)
