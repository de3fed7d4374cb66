"""What public trees were wrongly told once, kept so that it does not come back."""

from __future__ import annotations

import json

import pytest

from xnai.audit.engine import audit, judge
from xnai.audit.options import Options
from xnai.audit.rules import all_rules

NGINX = "image: docker.io/library/nginx:1.27"
PHONY = ".PHONY: all\nall: ALWAYS\n\techo\n.PHONY: ALWAYS\ntest: ALWAYS\n\tpytest\n"
SILENT = {
    "a name that is always out of date": {"Makefile": PHONY},
    "a variable that a document tells to set": {
        "compose.yml": f"services:\n  a:\n    {NGINX}\n    labels: ['x=${{ROUTER}}']\n",
        "docs/setup.md": "    export ROUTER=web\n",
    },
    "a key that is taken back": {
        "compose.yml": f"services:\n  a:\n    {NGINX}\n    environment:\n"
                       "      A_PASSWORD: !reset null\n      A_PASSWORD_FILE: /run/secrets/a\n",
    },
    "a directory that compose makes": {
        "compose.yml": f"# podman-compose up\nservices:\n  a:\n    {NGINX}\n"
                       "    volumes: ['./data:/data']\n",
    },
    "secrets that an override's example defines": {
        "compose.yml": f"services:\n  a:\n    {NGINX}\n    secrets: [key]\n",
        "compose.override.yml.example": "secrets:\n  key: {file: key}\n",
    },
    "a name that is put together": {
        "Makefile": "v_0 = a\nv_ = $(v_0)\nx := $(v_$(V))\n.PHONY: all\nall:\n\techo $(x)\n",
    },
    "a file that a script fetches": {
        "Dockerfile": "FROM docker.io/library/debian:13-slim\nCOPY model.dat /\nUSER 1000\n",
        "fetch.sh": "#!/bin/sh\ncurl -o model.dat https://example.org/model.dat\n",
    },
    "an entrypoint that gives up root": {
        "Dockerfile": "FROM docker.io/library/debian:13-slim\nCOPY entrypoint.sh /\n"
                      'ENTRYPOINT ["/entrypoint.sh"]\n',
        "entrypoint.sh": '#!/bin/sh\nexec gosu app "$@"\n',
    },
}


@pytest.mark.parametrize("name", SILENT)
def test_silent(name, tree):
    found = judge(tree(SILENT[name]), all_rules()).findings
    assert [(one.rule, one.path, one.line) for one in found if one.severity != "info"] == []


def test_the_schema_sees_what_comes_after_interpolation(tree, tmp_path):
    tree({"compose.yml": f"services:\n  a:\n    {NGINX}\n    pull_policy: ${{P:-always}}\n"
                         "    ports: !override ['127.0.0.1:1:1']\n"})
    report = audit(tmp_path, Options())
    assert not [one for one in report.findings if one.rule == "schema"]
    assert not report.unknown, json.dumps([one.why for one in report.unknown])
