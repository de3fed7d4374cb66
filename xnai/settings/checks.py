"""Checks that a raw setting must pass; each returns the converted value or raises Refused."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from xnai.settings.certificates import name_on_host

Check = Callable[[object], object]


class Refused(ValueError):
    """A raw value is not allowed; the text says what is."""


def integer(lowest: int, highest: int, why: str = "") -> Check:
    """Return a check for a whole number between `lowest` and `highest`, both allowed."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refused(f"a whole number from {lowest} to {highest}")
        if value > highest:
            raise Refused(f"at most {highest}{why and '; ' + why}")
        if value < lowest:
            raise Refused(f"at least {lowest}{why and '; ' + why}")
        return value

    return check


def number(lowest: float, highest: float) -> Check:
    """Return a check for a number between `lowest` and `highest`, both allowed."""

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused(f"a number from {lowest} to {highest}")
        if not lowest <= value <= highest:
            raise Refused(f"from {lowest} to {highest}")
        return float(value)

    return check


def choice(*allowed: str) -> Check:
    """Return a check for one of the words in `allowed`."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise Refused("one of " + ", ".join(repr(word) for word in allowed))
        return value

    return check


def boolean(value: object) -> bool:
    """Check for True or False, exactly."""
    if not isinstance(value, bool):
        raise Refused("True or False")
    return value


def optional(inner: Check) -> Check:
    """Return a check that also lets None through (derived from the host)."""

    def check(value: object) -> object:
        return None if value is None else inner(value)

    return check


def pattern(expression: str, words: str) -> Check:
    """Return a check for a string that matches `expression` whole; `words` says it plainly."""
    compiled = re.compile(expression, re.ASCII)

    def check(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise Refused(words)
        return value

    return check


port = integer(1024, 65535, "a rootless container cannot publish below 1024")

# The characters and lengths of useradd(8) (Debian's NAME_REGEX), less the trailing dollar sign.
user_name = pattern(
    r"(?!root$)[a-z][a-z0-9_.-]{0,30}",
    "a user name other than root: a-z, then a-z 0-9 . _ -, at most 31",
)
# Not what YAML reads as a value: the name stands in the compose file.
stack_name = pattern(
    r"(?!(?:true|false|yes|no|on|off|null)$)[a-z][a-z0-9]{0,19}",
    "a-z, then a-z or 0-9, at most 20 characters, and not true, false, yes, no, on, off or null",
)

_IMAGE = re.compile(
    # A dot or a port makes a registry of the first part; else it is a path on some registry.
    r"(?P<registry>(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+)(:[0-9]+)?|[a-z0-9-]+:[0-9]+)"
    r"(/[a-z0-9]+([._-]+[a-z0-9]+)*)+"
    r":(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})"
    r"(@sha256:[0-9a-f]{64})?",
    re.ASCII,
)


def image(value: object) -> str:
    """Check for a fully qualified image name with a tag that pins a version."""
    match = _IMAGE.fullmatch(value) if isinstance(value, str) else None
    if match is None or not isinstance(value, str):
        raise Refused("registry/path:tag[@sha256:digest], as docker.io/library/redis:8.0")
    if match["tag"] == "latest":
        raise Refused("a tag that pins a version; 'latest' moves")
    return value


# What the services run with: their locks are made for it.
_PYTHONS = ("3.11", "3.12", "3.13")


def debian_image(value: object) -> str:
    """Check for a fully qualified image that is not the Alpine variant of an official one."""
    name = image(value)
    tag = name.partition("@")[0].rpartition(":")[2]
    if "alpine" in tag:
        raise Refused(
            "the Debian variant (a tag without alpine): users in the other one have other numbers, "
            "and it has no apt"
        )
    return name


def python_image(value: object) -> str:
    """Check for a fully qualified image; one that is named python must carry a Python of ours."""
    name = debian_image(value)
    path, _, tag = name.partition("@")[0].rpartition(":")
    version = re.match(r"[0-9]+\.[0-9]+", tag)
    if path.endswith("/python") and (version is None or version[0] not in _PYTHONS):
        raise Refused(
            f"a tag that begins with Python {', '.join(_PYTHONS)}; the services' locks are made "
            "for these"
        )
    return name


def host_path(value: object) -> str:
    """Check for an absolute path on the host, without what a shell or Compose would read."""
    words = "an absolute path on the host of letters, digits and . _ / + -"
    if not isinstance(value, str) or not re.fullmatch(r"/[A-Za-z0-9._/+-]+", value, re.ASCII):
        raise Refused(words)
    if ".." in PurePosixPath(value).parts:
        raise Refused(f"{words}, and no ..")
    return value


def names(inner: Check, at_least: int = 0) -> Check:
    """Return a check for a list of different values that each pass `inner`."""

    def check(value: object) -> tuple[object, ...]:
        if not isinstance(value, list | tuple) or isinstance(value, str):
            raise Refused("a list")
        found = tuple(inner(item) for item in value)
        if len(set(found)) < len(found):
            raise Refused("a list in which nothing stands twice")
        if len(found) < at_least:
            raise Refused(f"a list of at least {at_least}")
        return found

    return check


LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
host_name = pattern(
    rf"{LABEL}(\.{LABEL})*", "names of this machine as a browser uses them: a-z 0-9 . -"
)
def index_url(value: object) -> str:
    """Check for an http(s) address without credentials (they would end in a world-read file)."""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        _ = parts and parts.port
    except ValueError:  # half of a bracket, or no port
        parts = None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Refused("an http:// or https:// address")
    if re.search(r"[\s\"'\\$`]", parts.geturl()):
        raise Refused("an address without spaces, quotes, backslashes or dollar signs")
    if parts.username or parts.password:
        raise Refused("an address without user and password")
    return parts.geturl()


proxy_exception = pattern(
    r"(\.?[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?|[0-9a-fA-F:]+)(/[0-9]{1,3})?",
    "a host name, a .domain or an address",
)


def proxy_url(value: object) -> str:
    """Check for http://HOST:PORT; user and password would end in files that others read."""
    words = "http://HOST:PORT without user and password"
    try:
        found = index_url(value)
    except Refused as refused:
        raise Refused(f"{words} ({refused})") from None
    parts = urlsplit(found)
    if parts.scheme != "http" or parts.path not in ("", "/") or parts.query or parts.port is None:
        raise Refused(words)
    return f"http://{parts.netloc}"


# Names of the tz database: Europe/Berlin, America/Argentina/Ushuaia, Etc/GMT+5.
TIME_ZONE = r"[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9][A-Za-z0-9_+-]{0,30}){0,2}"


def time_zone(value: object) -> str:
    """Check for a name of the tz database; by this controller's own where it has one."""
    known = available_timezones()
    if not isinstance(value, str) or not re.fullmatch(TIME_ZONE, value, re.ASCII) or (
        known and value not in known
    ):
        raise Refused("a name of the tz database, as Europe/Berlin")
    return value


def certificate_paths(value: object) -> tuple[str, ...]:
    """Check for a list of absolute paths of PEM files that exist on this controller."""
    words = "a list of absolute paths of PEM files on the controller"
    if not isinstance(value, list | tuple):
        raise Refused(words)
    for path in value:
        if not isinstance(path, str) or not PurePosixPath(path).is_absolute():
            raise Refused(words)
        try:
            text = Path(path).read_text("utf-8")
        except OSError as error:
            raise Refused(f"{words}; {path}: {error}") from None
        except ValueError:
            raise Refused(
                f"{words}; {path} is no text, so it may be in the binary form (DER): openssl x509 "
                f"-inform der -in {shlex.quote(path)} -out NAME.pem"
            ) from None
        if "-----BEGIN CERTIFICATE-----" not in text:
            raise Refused(f"{words}; {path} holds no certificate")
        if "PRIVATE KEY" in text:
            raise Refused(f"{words}; {path} holds a private key, which would end in every image")
    names = [name_on_host(path) for path in value]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Refused(
            "files with different names; on the host they lie in one directory, and of these "
            f"several would be {', '.join(twice)}"
        )
    return tuple(value)


_LOCATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9._/-]+)?", re.ASCII)


def mirrors(value: object) -> dict[str, tuple[str, bool]]:
    """Check for {registry: {"location": host[:port][/path], "insecure": bool}}."""
    words = '{"docker.io": {"location": "mirror.example:5000", "insecure": False}}'
    if not isinstance(value, dict):
        raise Refused(words)
    checked: dict[str, tuple[str, bool]] = {}
    for registry, mirror in value.items():
        if not (
            isinstance(registry, str)
            and _LOCATION.fullmatch(registry)
            and isinstance(mirror, dict)
            and set(mirror) <= {"location", "insecure"}
            and isinstance(mirror.get("location"), str)
            and _LOCATION.fullmatch(mirror["location"])
            and isinstance(mirror.get("insecure", False), bool)
        ):
            raise Refused(words)
        checked[registry] = (mirror["location"], mirror.get("insecure", False))
    return checked
