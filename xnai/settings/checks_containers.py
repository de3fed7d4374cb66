"""How the container of a service of the user's own tree may differ: what each key may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from xnai.settings.checks import Refused

OF_THE_CONTAINER = (
    "environment_secrets", "tmpfs", "volumes", "working_directory", "aliases", "health", "restart",
    "cpus",
)
"""The keys of a source that are about its container."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}", re.ASCII)
_PLACE = re.compile(r"/[A-Za-z0-9._/-]+", re.ASCII)
_SIZE = re.compile(r"size=[1-9][0-9]{0,5}[mMgG]", re.ASCII)
# Seconds, and a number of tries: key -> lowest, highest.
_TIMINGS = {
    "interval_s": (5, 3600), "timeout_s": (1, 300), "retries": (1, 100),
    "start_period_s": (0, 3600),
}
ALIAS = r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?"
"""A name in a network; unlike a host's it may have a _, as Compose's services do."""
RESTARTS = ("unless-stopped", "always", "on-failure")


@dataclass(frozen=True)
class OwnHealth:
    """The health check of a service of the user's own; None: as for the reference service.

    Attributes:
        command: argv, or empty.
        url: address inside the container that answers with 200 to 399, or empty.
        interval_s: seconds between two checks.
        timeout_s: seconds that one may take.
        retries: failures in a row until it counts as unhealthy.
        start_period_s: seconds after the start in which failures do not count.
    """

    command: tuple[str, ...] = ()
    url: str = ""
    interval_s: int | None = None
    timeout_s: int | None = None
    retries: int | None = None
    start_period_s: int | None = None


@dataclass(frozen=True)
class OwnContainer:
    """What a source says of its container.

    Attributes:
        environment_secrets: variable -> secret of the stack, without the stack's name.
        tmpfs: paths that are writable and in memory, with `:size=…` where it is bounded.
        volumes: name of a volume of its own -> path.
        mounts: absolute path on the host -> path, read-only.
        working_directory: absolute path, or empty for the image's.
        aliases: further names in the stack's network.
        health: its health check.
        restart: restart policy, or empty for the reference service's.
        cpus: processors' time that it may take, or None.
    """

    environment_secrets: tuple[tuple[str, str], ...] = ()
    tmpfs: tuple[str, ...] = ()
    volumes: tuple[tuple[str, str], ...] = ()
    mounts: tuple[tuple[str, str], ...] = ()
    working_directory: str = ""
    aliases: tuple[str, ...] = ()
    health: OwnHealth = OwnHealth()
    restart: str = ""
    cpus: float | None = None


def own_container(
    name: str, entry: Mapping[str, object], environment: Mapping[str, str]
) -> OwnContainer:
    """Return what one source says of its container.

    Args:
        name: of the service.
        entry: the source.
        environment: its variables that are no secrets.

    Raises:
        Refused: a key has a value that it may not have.
    """
    volumes, mounts = _volumes(name, entry.get("volumes", ()))
    found = OwnContainer(
        environment_secrets=_secrets(name, entry.get("environment_secrets", {}), environment),
        tmpfs=tuple(_tmpfs(name, item) for item in _list(name, "tmpfs", entry.get("tmpfs", ()))),
        volumes=volumes,
        mounts=mounts,
        working_directory=_directory(name, entry.get("working_directory", "")),
        aliases=_aliases(name, entry.get("aliases", ())),
        health=_health(name, entry),
        restart=_restart(name, entry.get("restart", "")),
        cpus=_cpus(name, entry.get("cpus")),
    )
    places = [path for _, path in (*volumes, *mounts)]
    places += [path.partition(":")[0] for path in found.tmpfs]
    if twice := sorted({place for place in places if places.count(place) > 1}):
        raise Refused(f"for {name} one thing at a place; {twice[0]} is named twice")
    return found


def _list(name: str, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise Refused(f"for {name}[{key!r}] a list")
    return tuple(value)


def _place(name: str, key: str, path: str) -> str:
    parts = PurePosixPath(path)
    if not _PLACE.fullmatch(path) or ".." in parts.parts:
        raise Refused(f"for {name}[{key!r}] absolute paths of letters, digits and . _ / -")
    if str(parts) in ("/app", "/opt", "/opt/venv", "/opt/common", "/run", "/run/secrets"):
        raise Refused(f"for {name}[{key!r}] not {path}, which holds the program or its secrets; "
                      "name a directory below /app")
    return str(parts)


def _secrets(
    name: str, value: object, environment: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or not all(
        isinstance(variable, str) and _VARIABLE.fullmatch(variable)
        and isinstance(secret, str) and _NAME.fullmatch(secret)
        for variable, secret in value.items()
    ):
        raise Refused(f"for {name}['environment_secrets'] {{'REDIS_PASSWORD': 'redis_password'}}")
    if both := sorted(set(value) & set(environment)):
        raise Refused(f"for {name} {both[0]} in 'environment' or in 'environment_secrets'")
    return tuple(value.items())


def _tmpfs(name: str, item: str) -> str:
    path, colon, options = item.partition(":")
    if colon and not _SIZE.fullmatch(options):
        raise Refused(f"for {name}['tmpfs'] paths, and with a bound '/app/cache:size=64m'")
    return f"{_place(name, 'tmpfs', path)}{colon}{options}"


def _volumes(
    name: str, value: object
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Compose's short form: `cache:/app/cache` of its own, `/srv/models:/models:ro` of the host."""
    words = f"for {name}['volumes'] 'name:/path', or '/path/on/the/host:/path:ro'"
    own, host = [], []
    for item in _list(name, "volumes", value):
        source, _, rest = item.partition(":")
        path, _, mode = rest.partition(":")
        place = _place(name, "volumes", path)
        if source.startswith("/"):
            if mode != "ro" or not _PLACE.fullmatch(source) or ".." in PurePosixPath(source).parts:
                raise Refused(f"{words}; a directory of the host is read-only (:ro)")
            host.append((source, place))
        elif mode or not _NAME.fullmatch(source):
            raise Refused(f"{words}; names of a-z 0-9 _")
        else:
            own.append((source, place))
    return tuple(own), tuple(host)


def _directory(name: str, value: object) -> str:
    if value == "":
        return ""
    if not isinstance(value, str) or not _PLACE.fullmatch(value) or ".." in value.split("/"):
        raise Refused(f"for {name}['working_directory'] an absolute path in the image")
    return value


def _aliases(name: str, value: object) -> tuple[str, ...]:
    found = _list(name, "aliases", value)
    if not all(re.fullmatch(ALIAS, alias, re.ASCII) for alias in found):
        raise Refused(f"for {name}['aliases'] host names: a-z 0-9 . _ -")
    return found


def _health(name: str, entry: Mapping[str, object]) -> OwnHealth:
    value = entry.get("health", {})
    keys = ("command", "url", *_TIMINGS)
    if not isinstance(value, Mapping) or (unknown := [key for key in value if key not in keys]):
        bad = f"; not {unknown[0]!r}" if isinstance(value, Mapping) else ""
        raise Refused(f"for {name}['health'] a dictionary with some of {', '.join(keys)}{bad}")
    command = _list(name, "health", value.get("command", ()))
    url = value.get("url", "")
    if not isinstance(url, str) or (
        url and not re.fullmatch(r"http://(127\.0\.0\.1|localhost):[0-9]{1,5}(/[!-~]*)?", url)
    ):
        raise Refused(f"for {name}['health'] a url such as 'http://127.0.0.1:8000/health'")
    if sum(map(bool, (command, url, entry.get("health_command")))) > 1:
        raise Refused(f"for {name} one of 'health_command' and in 'health' 'command' and 'url'")
    numbers = {}
    for key, (lowest, highest) in _TIMINGS.items():
        number = value.get(key)
        if number is not None and (
            not isinstance(number, int) or isinstance(number, bool)
            or not lowest <= number <= highest
        ):
            raise Refused(f"for {name}['health'] {key} from {lowest} to {highest}")
        numbers[key] = number
    return OwnHealth(command=command, url=url, **numbers)


def _restart(name: str, value: object) -> str:
    if value and value not in RESTARTS:
        raise Refused(f"for {name}['restart'] one of {', '.join(RESTARTS)}")
    return str(value or "")


def _cpus(name: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.01 <= value <= 512:
        raise Refused(f"for {name}['cpus'] a number from 0.01 to 512")
    return float(value)


def own_secrets(value: object) -> dict[str, str | None]:
    """Check for secrets of the user's own: name -> None, or a file on the controller.

    Raises:
        Refused: it is something else.
    """
    words = (
        "{'jwt_key': None, 'openai_api_key': '/home/me/keys/openai'}: names of a-z 0-9 _, and None "
        "or an absolute path on this machine"
    )
    if not isinstance(value, dict):
        raise Refused(words)
    for name, path in value.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise Refused(words)
        if path is not None and (
            not isinstance(path, str) or not path.startswith("/") or "\0" in path
        ):
            raise Refused(words)
    return dict(value)
