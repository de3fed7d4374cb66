"""Our own stack against its plan: what is absent, drifted, stale, or not started at boot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from xnai.facts.configuration import parse_configuration
from xnai.settings.model import Settings
from xnai.stack import paths
from xnai.stack.drift import drift
from xnai.triage.observation import HOST, Observation
from xnai.triage.observe.scope import Scope


class _Strict(yaml.SafeLoader):
    """A loader that refuses a key that stands twice in one mapping."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key, _ in node.value:
        name = loader.construct_object(key, deep=True)
        if name in seen:
            line = key.start_mark.line + 1
            raise yaml.YAMLError(f"duplicate key {name!r} in lines {seen[name]} and {line}")
        seen[name] = key.start_mark.line + 1
    return loader.construct_mapping(node, deep=True)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def observed(
    scope: Scope, found: Mapping[str, Any], settings: Settings
) -> Iterator[Observation]:
    """Yield how our stack differs from its plan and from its last healthy generation.

    Args:
        scope: our stack.
        found: what the collector returned.
        settings: of the host.
    """
    directory = paths.stack_directory(settings)
    good = paths.good_directory(directory)
    files = found["files"]
    names = [path.rpartition("/")[2] for path in files if path.startswith(f"{good}/")]
    for name in names:
        text, before = files[f"{directory}/{name}"], files[f"{good}/{name}"]
        path = f"{directory}/{name}"
        if text is None:
            if before is not None:
                yield Observation("file", HOST, f"{path} is gone", f"ls {directory}")
            continue
        try:
            yaml.load(text, _Strict)  # noqa: S506  (a SafeLoader)
        except yaml.YAMLError as error:
            words = " ".join(str(error).split())[:300]
            yield Observation("file", HOST, f"{path}: {words}", f"sudo nl -ba {path}")
            continue
        if before is not None and before != text:
            yield Observation("file", HOST, f"{path} differs from the last healthy generation",
                              f"sudo diff {good}/{name} {path}")
    if scope.store.get("containers") is not None:
        yield from _containers(scope, _labels(files, good))
    yield from _boot(scope, found, settings)


def _labels(files: Mapping[str, str | None], good: str) -> dict[str, str]:
    """Container -> hash of what it was made from, of the last healthy generation."""
    found = {}
    for path, text in files.items():
        if path.startswith(f"{good}/") and text:
            try:
                content = yaml.safe_load(text)
            except yaml.YAMLError:
                continue
            for service in (content.get("services") or {}).values():
                if "container_name" in service:
                    label = str((service.get("labels") or {}).get("io.xnai.config", ""))
                    found[service["container_name"]] = label
    return found


def _containers(scope: Scope, labels: Mapping[str, str]) -> Iterator[Observation]:
    there = scope.by_name()
    images = scope.store.get("images") or ()
    known = {one.get("Id") for one in images}
    by_name = {name: one.get("Id") for one in images for name in one.get("Names") or ()}
    for service in scope.wanted:
        name = service.container_name
        one = there.get(name)
        show = f"{scope.podman} ps --all --filter name={name}"
        if one is None:
            yield Observation("state", name, "absent", show)
            continue
        if images and one["image_id"] not in known:
            yield Observation("image", name, f"missing {one['image']}", f"{scope.podman} images")
        elif by_name.get(one["image"], one["image_id"]) != one["image_id"]:
            yield Observation("image", name, f"stale {one['image']}", f"{scope.podman} images")
        label = one["labels"].get("io.xnai.config", "")
        show = f"{scope.podman} inspect {name}"
        # Its image's labels, the stack's among them, are those of any container made of it.
        if "io.xnai.config" not in one["labels"]:
            yield Observation("state", name, "foreign: made by somebody else", show)
        elif labels.get(name) and labels[name] != label:
            yield Observation("state", name, "drifted: made from another configuration than the "
                              "last healthy one", show)
        elif differs := drift(service, parse_configuration(one["inspected"]), None):
            yield Observation("state", name, f"drifted: {differs}", show)


def _boot(
    scope: Scope, found: Mapping[str, Any], settings: Settings
) -> Iterator[Observation]:
    unit = paths.unit(settings)
    wants = f"/etc/systemd/user/default.target.wants/{unit}"
    show = f"systemctl --global is-enabled {unit}"
    if not found["links"].get(paths.unit_file(settings)):
        yield Observation("unit", HOST, f"absent boot unit {unit}", show)
    elif not found["links"].get(wants):
        yield Observation("unit", HOST, f"disabled boot unit {unit}", show)
    for mark, what in (
        (paths.restore_marker(settings), "restore"), (paths.rotation_marker(settings), "rotation"),
    ):
        if found["files"].get(mark) is not None:
            yield Observation("file", HOST, f"unfinished {what}: {mark}", f"sudo cat {mark}")
