"""Lay proxy and credentials ready for one pull or build, and read them for preflight.

Runs on the host. Values come from files of root's alone, go into files in memory that root and the
stack user's group may read, and are never arguments; whoever called removes the directory.
"""

from __future__ import annotations

import grp
import json
import netrc
import os
import pwd
import shlex
import shutil
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

from xnai.programs.backup.process import Failed
from xnai.programs.backup.safe_path import require_secret_file
from xnai.programs.network.spec import DIRECTORY, NetworkSpec

# What is on the machine itself is never asked of a proxy.
_ALWAYS_DIRECT = ("localhost", "127.0.0.1", "::1")


def credentials(spec: NetworkSpec) -> dict[str, tuple[str, str]]:
    """Return host -> user and password of the netrc file; empty where the settings name none.

    Raises:
        Failed: it is not there, no secret, or not in netrc's format.
    """
    if not spec.netrc_file:
        return {}
    path = Path(spec.netrc_file)
    require_secret_file(path, "netrc_file")
    try:
        hosts = netrc.netrc(str(path)).hosts
    except (netrc.NetrcParseError, UnicodeDecodeError) as error:
        # The parser's own words may hold what it read.
        line = getattr(error, "lineno", None)
        raise Failed(
            f"netrc_file = {path}{f', line {line}' if line else ''}: not in netrc's format, "
            "which is: machine HOST login USER password PASSWORD. Nothing was changed."
        ) from None
    return {host: (user or "", password or "") for host, (user, _, password) in hosts.items()}


def environment(spec: NetworkSpec) -> dict[str, str]:
    """Return the variables by which programs find the proxy; empty where there is none.

    Raises:
        Failed: the credentials cannot be read.
    """
    known = credentials(spec)
    if not spec.proxy_url:
        return {}
    parts = urlsplit(spec.proxy_url)
    found = known.get(parts.hostname or "")
    login = f"{quote(found[0], safe='')}:{quote(found[1], safe='')}@" if found else ""
    address = f"{parts.scheme}://{login}{parts.netloc}"
    direct = ",".join((*_ALWAYS_DIRECT, *spec.exceptions))
    # curl reads http_proxy in small letters alone; others read either.
    return {
        name: value
        for kind, value in (("http_proxy", address), ("https_proxy", address), ("no_proxy", direct))
        for name in (kind, kind.upper())
    }


def apt_credentials(spec: NetworkSpec) -> str:
    """Return the credentials as apt_auth.conf(5) wants them: for http they must be named so."""
    return "".join(
        f"machine {scheme}{host}\nlogin {user}\npassword {password}\n"
        for host, (user, password) in credentials(spec).items() if host != "default"
        for scheme in ("", "http://")
    )


def exports(spec: NetworkSpec) -> str:
    """Return the shell lines that set the variables."""
    return "".join(
        f"export {name}={shlex.quote(value)}\n" for name, value in environment(spec).items()
    )


def registries(spec: NetworkSpec) -> str:
    """Return the text of the registries' credentials; empty where the settings name none.

    Raises:
        Failed: the file is not there, no secret, or no JSON.
    """
    if not spec.auth_file:
        return ""
    path = Path(spec.auth_file)
    require_secret_file(path, "registry_auth_file")
    text = path.read_text("utf-8", "replace")
    try:
        is_right = isinstance(json.loads(text)["auths"], dict)
    except (ValueError, KeyError, TypeError):
        is_right = False
    if not is_right:
        raise Failed(
            f"registry_auth_file = {path}: not what containers-auth.json(5) describes; `podman "
            f"login --authfile {path} REGISTRY` writes one. Nothing was changed."
        )
    return text


def lay_ready(spec: NetworkSpec, directory: Path) -> None:
    """Write what a pull or build needs.

    Args:
        spec: of the settings.
        directory: where; made anew, for root and the stack user's group.

    Raises:
        Failed: the credentials cannot be read; nothing is left.
    """
    texts = {
        "environment": exports(spec),
        "netrc": Path(spec.netrc_file).read_text("utf-8") if credentials(spec) else "",
        "apt.conf": apt_credentials(spec),
        "auth.json": registries(spec) or '{"auths": {}}',
    }
    group = pwd.getpwnam(spec.user).pw_gid
    shutil.rmtree(directory, ignore_errors=True)
    os.umask(0o077)
    directory.mkdir()
    for name, text in texts.items():
        path = directory / name
        path.write_text(text, "utf-8")
        os.chown(path, 0, grp.getgrgid(group).gr_gid)
        path.chmod(0o640)
    os.chown(directory, 0, group)
    directory.chmod(0o750)


def main(spec: NetworkSpec, action: str) -> int:
    """Do one thing and return the exit code.

    Args:
        spec: of the settings.
        action: `ready` lays all of it ready; `exports` prints the variables.
    """
    try:
        if action == "ready":
            lay_ready(spec, Path(DIRECTORY))
        else:
            registries(spec)
            print(exports(spec), end="")
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0
