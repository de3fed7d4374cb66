"""Programs and libraries that a stage installs and the last stage wants."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from xnai.audit.dockerfile import Dockerfile, Stage
from xnai.audit.installed import python_packages, system_packages
from xnai.audit.known_images import lacks
from xnai.audit.model import Hit
from xnai.audit.own_images import line_of_bases
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

# Programs by the package of Debian and Alpine that brings them, of those that a slim base lacks.
_PROGRAMS: Mapping[str, str] = {
    "curl": "curl", "wget": "wget", "git": "git", "ffmpeg": "ffmpeg", "jq": "jq",
    "netcat-openbsd": "nc", "postgresql-client": "psql", "redis-tools": "redis-cli",
    "tini": "tini", "dumb-init": "dumb-init", "gosu": "gosu", "supervisor": "supervisord",
    "nodejs": "node", "npm": "npm", "tesseract-ocr": "tesseract", "poppler-utils": "pdftotext",
}
# Python packages without a wheel that brings its library -> the libraries' packages.
_LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "psycopg2": ("libpq5", "libpq-dev", "postgresql-client", "postgresql-libs"),
    "mysqlclient": ("libmariadb3", "libmariadb-dev", "default-libmysqlclient-dev", "mariadb-libs"),
    "pycurl": ("libcurl4", "libcurl4-openssl-dev", "curl"),
    "python-ldap": ("libldap-2.5-0", "libldap-2.4-2", "libldap2", "libldap2-dev"),
    "xmlsec": ("libxmlsec1", "libxmlsec1-openssl", "libxmlsec1-dev", "xmlsec"),
    "pyodbc": ("unixodbc", "unixodbc-dev"),
}
_SLIM = re.compile(r"(docker\.io/)?(library/)?(python:[^@]*(slim|alpine)|debian|ubuntu|alpine)"
                   r"([^/]*)")
_NO_CERTIFICATES = re.compile(
    r"(docker\.io/)?(library/)?(debian|ubuntu)([:@].*)?|scratch"
)


def _called(stages: list[Stage]) -> Iterator[tuple[str, int]]:
    for stage in stages:
        for one in stage.all("CMD", "ENTRYPOINT", "HEALTHCHECK", "RUN"):
            for words in one.started:
                yield words[0].rpartition("/")[2], one.first


def _lost(tree: Tree, file: Dockerfile) -> Iterator[Hit]:
    own = file.lineage(file.last)
    here = line_of_bases(tree, file)
    base = here[-1].base
    before = [stage for stage in file.stages if stage not in own]
    installed, mine = system_packages(before), system_packages(here)
    copies = [one for stage in own for one in stage.all("COPY") if "from" in one.flags]
    copied = " ".join(source for one in copies for source in one.sources)
    for package, run in installed.items():
        program = _PROGRAMS.get(package)
        if program is None or package in mine or not lacks(base, program) \
                or re.search(rf"/bin\b/?(\s|$)|/{program}\b", copied):
            continue
        line = next((at for name, at in _called(own) if name == program), 0)
        if line:
            yield Hit(file.path, line, f"'{program}' is installed in line {run.first}, in a stage "
                      f"that this image does not stand on; {base} has none: not found.")
    if "ca-certificates" in installed and "ca-certificates" not in mine \
            and _NO_CERTIFICATES.fullmatch(base) and copies and "/etc/ssl" not in copied \
            and not {"curl", "wget", "git", "openssl"} & set(mine) \
            and any(stage.all("CMD", "ENTRYPOINT") for stage in own):
        yield Hit(file.path, file.last.line, f"ca-certificates of line "
                  f"{installed['ca-certificates'].first} stay behind, and {base} has none: each "
                  "https:// request fails with 'certificate verify failed'.", severity="warning")
    if re.search(r"site-packages|/lib/python3|venv|/usr/local\b|/install", copied) \
            and _SLIM.fullmatch(base):
        for name in sorted(python_packages(tree, file, before) & set(_LIBRARIES)):
            if not set(_LIBRARIES[name]) & set(mine) and "/usr/lib" not in copied:
                yield Hit(file.path, file.last.line, f"{name} is copied from the stage before "
                          f"without {_LIBRARIES[name][0]}: its import fails for want of the "
                          "shared library.")


class DockerPackageLost(Rule):
    """A program, a library or the CA certificates of an earlier stage that the last one lacks."""

    id = "docker_package_lost"
    severity = "error"
    title = "an installed package is lost between stages"
    remedy = "Install what runs in the last stage there too; a stage before is thrown away."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield what is called in the last stage, and installed in another one alone."""
        for file in tree.dockerfiles:
            if len(file.stages) > 1:
                yield from _lost(tree, file)
