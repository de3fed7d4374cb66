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
    "an override that counts from the first file's directory": {
        "compose.yml": f"services:\n  db:\n    {NGINX}\n",
        "ci/compose.test.yml": "services:\n  test:\n    build: {context: .}\n"
                               "    depends_on: {db: {condition: service_started}}\n",
        "Dockerfile": "FROM docker.io/library/debian:13-slim\nUSER 1000\n",
        "ci/run.sh": "#!/bin/sh\ndocker compose -f compose.yml -f ci/compose.test.yml up\n",
    },
    "an override of a file that a step before makes": {
        "logs/compose.override.yml": "services:\n  web:\n    build: ../logs/web\n"
                                     "    depends_on: [made]\n",
        "logs/web/Dockerfile": "FROM docker.io/library/debian:13-slim\nUSER 1000\n",
        "Makefile": ".PHONY: up\nup:\n\tdocker compose -f out/compose.yml "
                    "-f logs/compose.override.yml up made\n",
    },
    "a system with an init of its own": {
        "Dockerfile": "FROM docker.io/library/debian:13\nRUN apt-get install -y systemd\n"
                      'CMD ["/lib/systemd/systemd"]\n',
    },
    "a file that a target makes": {
        "Dockerfile": "FROM docker.io/library/debian:13-slim\nCOPY key.pem /\nUSER 1000\n",
        "Makefile": "key.pem:\n\topenssl genrsa 4096 | tee $@\n",
    },
    "a phony makefile that keeps it from a pattern rule": {
        "Makefile": ".PHONY: all Makefile\nall:\n\techo\n%: Makefile\n\ttool -M $@\n",
    },
    "a second service of an image, with a command of its own": {
        "Dockerfile": "FROM docker.io/library/debian:13-slim\nEXPOSE 8000\nUSER 1000\n",
        "compose.yml": "services:\n  monitor:\n    build: .\n    command: monitor\n"
                       "    ports: ['127.0.0.1:5555:5555']\n",
    },
    "names that services share": {
        "compose.yml": "x-db: &db\n  POSTGRES_PORT: '5432'\n  POSTGRES_PASSWORD_FILE: /run/p\n"
                       "services:\n  db:\n    image: docker.io/library/postgres:17\n"
                       "    environment:\n      <<: *db\n",
    },
    "a variable that is handed on, and a CI service's": {
        "compose.yml": f"services:\n  a:\n    {NGINX}\n    environment:\n"
                       "      TOKEN: ${TOKEN}\n      SHA: ${CIRCLE_SHA1}\n",
    },
    "a fragment that is phony where it is included": {
        "Makefile": ".PHONY: push\ninclude images/Makefile\n",
        "images/Makefile": "push:\n\tdocker push example.org/a\n",
    },
    "a target whose variable names its file": {
        "Makefile": "OUT := server\nserver: main.go\n\tgo build -o $(OUT) $<\nmain.go: ;\n",
    },
    "paths that count from a directory above": {
        "suites/compose.yml": "networks:\n  shared: {}\n",
        "suites/login/compose.yml": "services:\n  web:\n    build: {context: ./login}\n"
                                    "    networks: [shared]\n"
                                    "    volumes: ['./login/users.yml:/users.yml', "
                                    "'./pki/ca.crt:/ca.crt', '${SCRATCH:-/tmp}:/tmp']\n",
        "suites/login/users.yml": "a: b\n", "suites/pki/ca.crt": "x\n",
        "suites/login/Dockerfile": "FROM docker.io/library/debian:13-slim\nUSER 1000\n",
    },
    "parts of a file that is not named compose": {
        "base/default.yml": "services:\n  core: {image: example.org/core:1}\nvolumes:\n  logs:\n",
        "parts/scan/compose.yml": "services:\n  scan:\n    image: docker.io/library/nginx:1.27\n"
                                  "    depends_on: [core]\n    volumes: ['logs:/logs']\n",
        "parts/scan/compose-test.yml": "services:\n  scan:\n    build: {context: ../parts/scan}\n",
        "parts/scan/Dockerfile": "FROM docker.io/library/debian:13-slim\nUSER 1000\n",
        "parts/stub/compose-test.yml": "version: '3.8'\n",
    },
    "a command that the user gives": {
        "Makefile": ".PHONY: run\nrun:\n\tcd engine && $(CMD)\n",
    },
    "images and volumes of its own": {
        "Makefile": ".PHONY: clean\nclean:\n\tdocker rmi -f example.org/cloud-agent\n"
                    "\tdocker system prune --filter label=mine --all --volumes --force\n",
    },
    "a variable that is demanded elsewhere in the file": {
        "compose.yml": "services:\n  db:\n    image: docker.io/library/postgres:17\n"
                       "    environment: ['POSTGRES_USER=${DB_USER:?err}']\n"
                       "    healthcheck: {test: 'pg_isready -U ${DB_USER}'}\n",
    },
    "quotes around a path": {
        "Dockerfile": 'FROM docker.io/library/debian:13-slim\nCOPY "etc/a.cfg" /a\nUSER 1000\n',
        "etc/a.cfg": "x\n",
    },
    "a home inside a container": {
        "Makefile": "RUN = docker run -v .:/home/builder/src \\\n  -w /home/builder/src\n"
                    ".PHONY: all\nall:\n\t$(RUN) image make\n",
    },
    "requirements that a clone brings": {
        "Dockerfile": "FROM docker.io/library/python:3.13-slim\nWORKDIR /app\n"
                      'ARG URL=https://example.org/a.git\nRUN git clone "${URL}"\n'
                      "RUN pip install -r a/requirements.txt\nUSER 1000\n",
    },
    "an override that adds to a build": {
        "compose.yml": "services:\n  web:\n    build: {context: ., dockerfile: Dockerfile.web}\n",
        "compose.override.yml": "services:\n  web:\n    build: {target: test}\n",
        "Dockerfile.web": "FROM docker.io/library/debian:13-slim AS test\nUSER 1000\n",
    },
    "what jsonnet's package manager copied": {
        "vendor/github.com/a/b/Makefile": "lint:\n\tjsonnet-lint .\n",
    },
    "a mounted file that a script makes": {
        "compose.yml": f"services:\n  a:\n    {NGINX}\n    volumes: ['./a.jks:/a.jks']\n",
        "ci/prepare.sh": "#!/bin/sh\nkeytool -genkeypair -keystore a.jks\n",
    },
    "a variable that a workflow sets": {
        "compose.yml": "services:\n  a:\n    image: docker.io/library/nginx:${NGINX_TAG}\n",
        ".github/workflows/test.yml": "jobs:\n  a:\n    env:\n      NGINX_TAG: '1.27'\n",
    },
    "a user that the cluster sets": {
        "src/mail/Dockerfile": "FROM docker.io/library/python:3.13-slim\nCMD mail\n",
        "k8s/mail.yaml": "spec:\n  securityContext:\n    runAsNonRoot: true\n"
                         "  containers:\n    - image: mail\n",
    },
    "a program whose name a variable holds": {
        "Dockerfile": "FROM docker.io/library/debian:13-slim\nCOPY ctl /\nUSER 1000\n",
        "Makefile": "NAME = ctl\n.PHONY: ctl-build\nctl-build:\n\tgo build -o $(NAME)\n",
    },
    "goals that are handed on": {
        "Makefile": "ifeq (run,$(firstword $(MAKECMDGOALS)))\n"
                    "  ARGS := $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))\n"
                    "  $(eval $(ARGS):;@:)\nendif\n.PHONY: run build\nrun:\n\techo $(ARGS)\n"
                    "build:\n\techo\n",
    },
    "a base that a script builds, without a user of its own": {
        "Dockerfile": "FROM mine/base:dev\nUSER 1001\nCMD python3\n",
        "base.Dockerfile": "FROM docker.io/library/python:3.13-slim\nCMD python3\n",
        "build.sh": "#!/bin/sh\nBASE=mine/base\n"
                    'docker build -t "$BASE:dev" -f base.Dockerfile .\ndocker build -t app .\n',
    },
    "overlays that a search finds": {
        "base/compose.yml": f"services:\n  llm:\n    {NGINX}\n",
        "plug/a/compose.plug.yml": f"services:\n  a:\n    {NGINX}\n    depends_on: [llm]\n",
        "run.sh": "#!/bin/bash\nfiles=(-f base/compose.yml)\n"
                  "for f in $(find plug -name 'compose.*.yml'); do files+=(-f $f); done\n"
                  'docker compose "${files[@]}" up -d\n',
    },
    "a profile that is sourced": {
        "env/dev.env": "MY_PORT=1\n",
        "deploy/compose.yml": f"services:\n  a:\n    {NGINX}\n"
                              "    ports: ['127.0.0.1:${MY_PORT}:80']\n",
        "Makefile": ".PHONY: up\nup:\n\t. env/dev.env; docker compose -f deploy/compose.yml up\n",
    },
    "calls that ask first, or may fail": {
        "Makefile": ".PHONY: a b c d\na:\n\ttest -x tools/y.sh && ./tools/y.sh\nb:\n"
                    "\t./z.sh || true\nc:\n\t-./z.sh\nd:\n"
                    "\tif [ -d tools ]; then cd tools && ./go.sh; fi\n",
    },
    "dangers that are only named": {
        "Makefile": ".PHONY: a\na:\n\t@echo 'never run: rm -rf /'\n"
                    '\t@printf "  %s\\n" "docker system prune -a --volumes" \'curl x | bash\'\n'
                    "\t# killall everything\n",
    },
    "an own environment that podman-compose puts in": {
        "compose.yml": f"x-podman: {{in_pod: false}}\nservices:\n  a:\n    {NGINX}\n"
                       "    environment: {PORT: '8080'}\n    command: serve ${PORT}\n",
    },
    "a volume of a name, whose comma podman-compose hands on": {
        "compose.yml": f"x-podman: {{in_pod: false}}\nservices:\n  a:\n    {NGINX}\n"
                       "    volumes: ['data:/data,U']\nvolumes: {data: {}}\n",
    },
    "artefacts without a program": {
        "Dockerfile": "FROM docker.io/library/debian:13 AS build\n"
                      "RUN apt-get update && apt-get install -y ca-certificates && make\n"
                      "FROM scratch\nCOPY --from=build /out /\n",
    },
    "requirements that are asked for first": {
        "Dockerfile": "FROM docker.io/library/python:3.13-slim\nWORKDIR /app\n"
                      "RUN if [ -f requirements.txt ]; then pip install -r requirements.txt; fi\n"
                      "USER 1000\n",
    },
    "a build of which another file says where": {
        "compose.yml": f"services:\n  a:\n    {NGINX}\n",
        "compose.build.yml": "services:\n  a:\n    build:\n      context: ${SOURCE}\n",
        "compose.gpu.yml": "services:\n  a:\n    build: {dockerfile: gpu.Dockerfile}\n",
        ".env": "SOURCE=https://example.org/a.git\n",
    },
    "addresses in comments, and of this machine": {
        "compose.yml": "services:\n  a_store:\n    build: .\n  b:\n    build: .\n",
        "Dockerfile": "FROM docker.io/library/debian:13-slim\nCOPY a.py /\nUSER 1000\n",
        "a.py": "URL = 'http://localhost:80'  # or http://my_store:8080\n# http://a-store:1234\n",
    },
    "an example of a secret": {
        ".env.example": "A_TOKEN=1234567890abcdef1234567890abcdef\nTOKENIZER=a-b/c-d-v1.5x-long\n"
                        "B_SECRET=<openssl rand -hex 32>\n",
    },
    "a script for another shell's name in capitals": {
        "Makefile": "X := 1\n.PHONY: a\na:\n\t@X() { date; }; echo $$(X)\n",
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


TOOLS_SILENT = {
    "a default that is a number": {
        "compose.yml": f"services:\n  a:\n    {NGINX}\n    user: ${{UID:-1000}}\n",
    },
    "what only the expansion makes constant": {
        "Makefile": "VENV ?= /opt/venv\n.PHONY: all\nall:\n\tif [ \"$(VENV)\" ]; then echo; fi\n",
    },
    "a comparison with what a command prints": {
        "Makefile": "define ready\n[ \"$(shell docker images -q $(1))\" = \"\" ] || $(2)\n"
                    "endef\n.PHONY: all\nall:\n\t$(call ready,a,echo)\n",
    },
    "a service that is taken back": {
        "compose.override.yml": "services:\n  a: !reset\n  b:\n    image: mine:1\n    build: .\n",
        "Dockerfile": "FROM docker.io/library/debian:13-slim\nUSER 1000\n",
    },
    "a health check in a shell": {
        "Dockerfile": "FROM docker.io/library/debian:13-slim\nUSER 1000\n"
                      "HEALTHCHECK CMD test -e /ready || exit 1\n",
    },
    "advice": {
        "Dockerfile": "FROM docker.io/library/debian:13-slim\n"
                      "RUN apt-get update && apt-get install -y curl\nUSER 1000\n",
        "run.sh": "#!/bin/sh\nexec ls $(cat names)\n",
    },
    "an image that is built here": {
        "compose.yml": "services:\n  a:\n    build: .\n    image: mine:dev\n"
                       "  b:\n    image: mine:dev\n",
        "Dockerfile": "FROM docker.io/library/debian:13-slim\nUSER 1000\n",
    },
}


@pytest.mark.parametrize("name", TOOLS_SILENT)
def test_the_tools_are_silent(name, tree, tmp_path):
    tree(TOOLS_SILENT[name])
    found = audit(tmp_path, Options())
    assert [(one.rule, one.line) for one in found.findings if one.severity != "info"] == []
    assert not found.unknown


def test_the_schema_sees_what_comes_after_interpolation(tree, tmp_path):
    tree({"compose.yml": f"services:\n  a:\n    {NGINX}\n    pull_policy: ${{P:-always}}\n"
                         "    ports: !override ['127.0.0.1:1:1']\n"})
    report = audit(tmp_path, Options())
    assert not [one for one in report.findings if one.rule == "schema"]
    assert not report.unknown, json.dumps([one.why for one in report.unknown])


def test_a_target_behind_its_own_variable_is_known(tree):
    makefile = tree({"Makefile": "all: NAME := app\nall:\n\trun $(NAME)\n"}).makefiles[0]
    assert [(one.name, one.recipe) for one in makefile.targets] == [("all", ("run $(NAME)",))]
