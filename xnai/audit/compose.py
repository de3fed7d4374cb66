"""A compose file as services, each with what the rules ask of it and the lines of that."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from xnai.audit.yaml_lines import Data, Key, load
from xnai.diagnostics.finding import Unknown

# What a file that is merged with others may have instead of services.
_MERGED = frozenset({"networks", "volumes", "secrets", "configs"})
_DEFAULT = re.compile(r"\$\{\w+:?-([^${}]*)\}")


@dataclass(frozen=True)
class Mount:
    """A mount of a service: where from, where to, its options, its line, its text."""

    source: str
    target: str
    options: tuple[str, ...]
    line: int
    text: str

    @property
    def is_bind(self) -> bool:
        """Whether the source is a path of the host."""
        return self.source.startswith((".", "/", "~"))


@dataclass(frozen=True)
class ComposeService:
    """One service.

    Attributes:
        name: its key.
        data: what stands below it.
        lines: of the whole file.
    """

    name: str
    data: Mapping[str, Data]
    lines: Mapping[Key, int]

    def line(self, *keys: str | int) -> int:
        """Return the line of a part of the service, or of the nearest part above it."""
        path: Key = ("services", self.name, *keys)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def text(self, key: str) -> str:
        """Return a scalar with ${X:-default} put in; empty where there is none."""
        value = self.data.get(key)
        return _DEFAULT.sub(r"\1", value) if isinstance(value, str) else ""

    def names(self, key: str) -> dict[str, int]:
        """Return the names in a list or mapping, each with its line."""
        value = self.data.get(key)
        if isinstance(value, dict):
            return {name: self.line(key, name) for name in value}
        return {
            str(one): self.line(key, at) for at, one in enumerate(value or ())
            if isinstance(one, str)
        } if isinstance(value, list) else {}

    @cached_property
    def environment(self) -> dict[str, tuple[str, int]]:
        """Its environment: name -> (value, line); a name without a value has an empty one."""
        found: dict[str, tuple[str, int]] = {}
        for key, line in self.names("environment").items():
            value = self.data["environment"]
            if isinstance(value, dict):
                found[key] = (str(value[key] or ""), line)
            else:
                name, _, text = key.partition("=")
                found[name] = (text, line)
        return found

    @cached_property
    def mounts(self) -> tuple[Mount, ...]:
        """Its volumes, short and long form."""
        return tuple(self._mounts())

    def _mounts(self) -> Iterator[Mount]:
        value = self.data.get("volumes")
        for at, one in enumerate(value if isinstance(value, list) else ()):
            line = self.line("volumes", at)
            if isinstance(one, dict):
                source, target = str(one.get("source") or ""), str(one.get("target") or "")
                if one.get("type") == "bind" and not source.startswith((".", "/", "~", "$")):
                    source = f"./{source}"
                yield Mount(source, target, (), line, source)
            elif isinstance(one, str):
                parts = _DEFAULT.sub(r"\1", one).split(":")
                options = tuple(parts[2].split(",")) if len(parts) > 2 else ()
                source = parts[0] if len(parts) > 1 else ""
                yield Mount(source, parts[1] if source else parts[0], options, line, one)

    @cached_property
    def ports(self) -> dict[int, int]:
        """The container's ports that are published: port -> line."""
        found: dict[int, int] = {}
        value = self.data.get("ports")
        for at, one in enumerate(value if isinstance(value, list) else ()):
            text = str(one.get("target") if isinstance(one, dict) else one)
            last = _DEFAULT.sub(r"\1", text).rpartition(":")[2].partition("/")[0]
            if last.isdigit():
                found[int(last)] = self.line("ports", at)
        return found

    @cached_property
    def check(self) -> str:
        """The command of its health check as one text; empty without one."""
        value = self.data.get("healthcheck")
        test = value.get("test") if isinstance(value, dict) else None
        if isinstance(test, list):
            return " ".join(str(one) for one in test[1:]) if test[:1] != ["NONE"] else ""
        return str(test or "")

    @property
    def build(self) -> dict[str, str] | None:
        """Its build section with context and dockerfile as texts, or None."""
        value = self.data.get("build")
        if isinstance(value, str):
            return {"context": value}
        if isinstance(value, dict):
            return {key: text for key, text in value.items() if isinstance(text, str)}
        return None


@dataclass(frozen=True)
class ComposeFile:
    """A compose file.

    Attributes:
        path: relative to the audited tree.
        lines: its physical lines.
        data: its top level.
        places: path of keys -> line.
        twice: keys that stand twice in a mapping.
        services: in order.
        resets: the parts of the text that !reset takes back.
    """

    path: str
    lines: tuple[str, ...]
    data: Mapping[str, Data]
    places: Mapping[Key, int]
    twice: tuple[tuple[int, str], ...]
    services: tuple[ComposeService, ...]
    resets: tuple[tuple[int, int], ...] = ()

    @property
    def directory(self) -> str:
        """The directory that it lies in, relative to the tree; empty for the root."""
        return posixpath.dirname(self.path)

    def section(self, name: str) -> Mapping[str, Data]:
        """Return a mapping of the top level, empty where there is none."""
        value = self.data.get(name)
        return value if isinstance(value, dict) else {}

    def scalars(self) -> Iterator[tuple[Key, str, int]]:
        """Yield every text of the file with its path of keys and its line."""
        stack: list[tuple[Key, Data]] = [((name,), value) for name, value in self.data.items()]
        while stack:
            key, value = stack.pop()
            if isinstance(value, dict):
                stack += [((*key, name), part) for name, part in value.items()]
            elif isinstance(value, list):
                stack += [((*key, at), part) for at, part in enumerate(value)]
            elif isinstance(value, str):
                # What comes in by a merge key has its line where it is written.
                line = next(
                    (self.places[key[:end]] for end in range(len(key), 0, -1)
                     if key[:end] in self.places), 1
                )
                yield key, value, line

    def without_resets(self) -> str:
        """Return the text without the keys that !reset takes back, its lines where they were."""
        text = "\n".join(self.lines)
        for first, last in self.resets:
            # In a mapping on one line the comma goes with the key.
            behind = re.match(r"\s*,", text[last:])
            before = re.search(r",\s*$", text[:first])
            if behind:
                last += behind.end()
            elif before and not text[before.start() : first].count("\n"):
                first = before.start()
            gone = re.sub(r"[^\n]", " ", text[first:last])
            text = text[:first] + gone + text[last:]
        return text

    def near(self, path: str) -> str:
        """Return a path of this file's as one relative to the tree."""
        return posixpath.normpath(posixpath.join(self.directory, path))

    def context(self, service: ComposeService) -> str:
        """Return the build context of a service, relative to the tree."""
        return self.near(_DEFAULT.sub(r"\1", (service.build or {}).get("context", ".")))

    def dockerfile(self, service: ComposeService) -> str | None:
        """Return the path of the Dockerfile that a service builds, if that can be told."""
        build = service.build
        if build is None or "dockerfile_inline" in build:
            return None
        context = _DEFAULT.sub(r"\1", build.get("context", "."))
        name = _DEFAULT.sub(r"\1", build.get("dockerfile", "Dockerfile"))
        if "$" in context + name or "://" in context or context.startswith("/"):
            return None
        return self.near(posixpath.join(context, name))


def parse(path: str, text: str) -> ComposeFile | Unknown | None:
    """Return the compose file, why it is none, or None where it is plainly something else."""
    document = load(path, text)
    if isinstance(document, Unknown):
        return document
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get("services"), dict):
        beside = isinstance(data, dict) and (_MERGED | {"include"}) & set(data)
        if isinstance(data, dict) and beside and "services" not in data:
            return ComposeFile(
                path, tuple(text.split("\n")), data, document.lines, document.twice, (),
                document.resets,
            )
        # A file of comments, or with nothing below services, is a stub for others to fill in.
        if (data is None and text.strip()) or (isinstance(data, dict) and (
            "include" in data or data.get("services", ...) is None
            or set(data) <= {"version", "name"}
        )):
            return None
        return Unknown(
            path, "has no mapping `services` at its top", "add it, or exclude the file: --exclude"
        )
    services = tuple(
        ComposeService(name, value, document.lines)
        for name, value in data["services"].items() if isinstance(value, dict)
    )
    return ComposeFile(
        path, tuple(text.split("\n")), data, document.lines, document.twice, services,
        document.resets,
    )
