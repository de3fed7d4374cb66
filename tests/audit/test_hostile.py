"""A Makefile may hold anything: nothing of it is executed, and nothing of it gets out."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from xnai.diagnostics.finding import Unknown

ELF = Path("/bin/true").read_bytes()

# Each would make a file named PWNED beside the tree, in it or in /tmp, if it were run.
ATTACKS = {
    "shell function": "X := $(shell touch {out}/PWNED)\nall:\n\techo $(X)\n",
    "shell assignment": "X != touch {out}/PWNED\nall:\n\techo $(X)\n",
    "recursive variable": "X = $(shell touch {out}/PWNED)\nall:\n\techo $(X)\n",
    "overridden shell": "override SHELL := /bin/sh\nX := $(shell touch {out}/PWNED)\nall:\n\t:\n",
    "own shell": "override SHELL := ./run.sh\nX := $(shell touch {out}/PWNED)\nall:\n\t:\n",
    "own program": "override SHELL := ./program\nX := $(shell touch {out}/PWNED)\nall:\n\t:\n",
    "shell flags": "SHELL := touch\n.SHELLFLAGS := {out}/PWNED\nX := $(shell :)\nall:\n\t:\n",
    "plus recipe": "all:\n\t+touch {out}/PWNED\n",
    "make recipe": "all:\n\ttouch {out}/PWNED # $(MAKE)\n",
    "eval": "$(eval X := $$(shell touch {out}/PWNED))\nall:\n\techo $(X)\n",
    "include that is made": "-include made.mk\nmade.mk:\n\t+touch {out}/PWNED; touch $@\n"
                            "all:\n\t:\n",
    "flags": "MAKEFLAGS += --eval=$$(shell$$(\\ )touch$$(\\ ){out}/PWNED)\n"
             "all:\n\t+touch {out}/PWNED\n",
    "no dry run": "MAKEFLAGS := \nunexport MAKEFLAGS\nall:\n\ttouch {out}/PWNED\n",
    "exported": "export X := $(shell touch {out}/PWNED)\nexport SHELL := /bin/sh\nall:\n\t+echo\n",
    "one shell": ".ONESHELL:\nall:\n\t+touch {out}/PWNED\n\techo\n",
    "loaded object": "-load ./evil.so\nload evil.so(init)\nall:\n\t:\n",
    "guile": "$(guile (system \"touch {out}/PWNED\"))\nall:\n\t:\n",
    "written file": "$(file >{out}/PWNED,x)\nall:\n\t$(file >PWNED,x)\n",
    "deletion": "X := $(shell rm -rf {out})\nall:\n\t+rm -rf .\n",
    "target's name": "all $(shell touch {out}/PWNED):\n\t:\n--eval=$(shell touch x):\n\t:\n",
    "second expansion": ".SECONDEXPANSION:\nall: $$(shell touch {out}/PWNED)\n\t:\n",
    "default target": ".DEFAULT:\n\t+touch {out}/PWNED\nall: nothing\n\t:\n",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_is_executed(name, tree, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "kept").touch()
    tree({
        "in/Makefile": ATTACKS[name].replace("{out}", str(out)),
        "in/run.sh": f"#!/bin/sh\ntouch {out}/PWNED\n",
        "in/program": ELF, "in/evil.so": ELF,
    })
    for path in ("in/run.sh", "in/program", "in/evil.so"):
        (tmp_path / path).chmod(0o755)
    before = sorted(tmp_path.rglob("*"))
    read = tree({})  # once more, with the execute bits set
    assert sorted(tmp_path.rglob("*")) == before
    assert [path.name for path in out.iterdir()] == ["kept"]
    assert not list(Path("/tmp").glob("PWNED*"))
    # It was looked at all the same, or it is said that it was not.
    assert read.makefiles or any(one.subject.endswith("Makefile") for one in read.unknown)


def test_no_network_is_reached(tree):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        tree({"Makefile": "override SHELL := /bin/bash\n"
                          f"X := $(shell echo > /dev/tcp/127.0.0.1/{port})\nall:\n\t+echo $(X)\n"})
        with pytest.raises(TimeoutError):
            server.accept()


BOMBS = {
    "includes itself": "include Makefile\nall:\n\t:\n",
    "doubles": "A = xxxxxxxxxxxxxxxx\n" + "".join(
        f"A{n} = $(A{n - 1})$(A{n - 1})\n" if n else "A0 = $(A)$(A)\n" for n in range(40)
    ) + "X := $(A39)\nall:\n\techo $(X)\n",
    "calls itself": "f = $(call f,$1$1)\nX := $(call f,x)\nall:\n\t:\n",
    "runs itself": "override SHELL := /bin/sh\nX := $(shell $(MAKE) -f Makefile)\nall:\n\t:\n",
    "endless text": "X := $(foreach a,$(foreach b,$(foreach c,$(foreach d,1 2 3 4 5 6 7 8 9,"
                    "1 2 3 4 5 6 7 8 9),1 2 3 4 5 6 7 8 9),1 2 3 4 5 6 7 8 9),$(info $(a)))\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends(name, tree):
    # That it ends is what is tested: a limit in seconds would judge how busy the host is.
    read = tree({"Makefile": BOMBS[name]})
    assert read.makefiles or all(isinstance(one, Unknown) for one in read.unknown)
