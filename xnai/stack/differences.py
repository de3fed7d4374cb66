"""How a host's images, secrets and containers differ from the plan: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xnai.diagnostics.difference import Difference, FileDifference
from xnai.facts.podman import Container, StoreFacts, StoreImage
from xnai.facts.podman_call import PodmanUnknown
from xnai.facts.sections import file_difference
from xnai.images.content import BuildInput
from xnai.images.plan import builds, find
from xnai.settings.model import Settings
from xnai.stack import paths
from xnai.stack.boot_unit import unit_text
from xnai.stack.catalogue import secret_forms
from xnai.stack.own_secrets import SecretRefused, changed, given, values
from xnai.stack.plan import StackPlan, differences


def images_of(facts: StoreFacts) -> Sequence[StoreImage]:
    """Return the images, none where Podman is not there yet."""
    return () if isinstance(facts.images, PodmanUnknown) else facts.images


def containers_of(facts: StoreFacts) -> Mapping[str, Container]:
    """Return the containers, none where Podman is not there yet."""
    return {} if isinstance(facts.containers, PodmanUnknown) else facts.containers


def in_use(facts: StoreFacts) -> frozenset[str]:
    """Return the networks and volumes that containers of the stack have: these are there."""
    made = [container.configuration for container in containers_of(facts).values()]
    networks = {name for one in made for name in one.networks}
    mounts = [mount.split(" ", 1) for one in made for mount in one.mounts]
    volumes = {rest.partition(":")[0] for kind, rest in mounts if kind == "volume"}
    return frozenset(networks | volumes)


def missing_images(
    settings: Settings, wanted: StackPlan, inputs: Sequence[BuildInput], facts: StoreFacts
) -> list[str]:
    """Return the names of the registry images that must be pulled."""
    present = images_of(facts)
    needed = {service.image for service in wanted.services if service.image}
    if any(build.wanted.parent == settings.base_image for build in builds(inputs, present)):
        needed.add(settings.base_image)
    return sorted(name for name in needed if not find(present, name))


def kept_image_ids(
    wanted: StackPlan, inputs: Sequence[BuildInput], facts: StoreFacts
) -> dict[str, str]:
    """Return the images that are there and will not be rebuilt: reference -> ID."""
    present = images_of(facts)
    rebuilt = {build.wanted.reference for build in builds(inputs, present)}
    return {
        reference: found.id for reference in wanted.references.values()
        if reference not in rebuilt and (found := find(present, reference))
    }


def missing_secrets(
    settings: Settings, facts: StoreFacts
) -> list[tuple[dict[str, str], list[str]]]:
    """Return the values to generate: all forms of each, and those that are missing."""
    present = set() if isinstance(facts.secrets, PodmanUnknown) else set(facts.secrets)
    present |= given(settings)
    return [
        (forms, sorted(set(forms) - present))
        for forms in secret_forms(settings) if set(forms) - present
    ]


def changed_secrets(settings: Settings, facts: StoreFacts) -> dict[str, tuple[bytes, str]]:
    """Return the secrets whose values the user's files give: name -> value, what differs.

    Raises:
        SecretRefused: a file cannot be taken.
    """
    wanted = values(settings)
    there = {} if isinstance(facts.secrets, PodmanUnknown) else facts.secrets
    found = changed(wanted, there, facts.secret_labels)
    return {name: (wanted[name], words) for name, words in found.items()}


def _secrets(settings: Settings, facts: StoreFacts) -> list[str]:
    """What secrets differ, in words."""
    found = [
        f"{', '.join(forms)} (absent: {', '.join(missing)})"
        for forms, missing in missing_secrets(settings, facts)
    ]
    try:
        more = changed_secrets(settings, facts)
    except SecretRefused as refused:
        return [*found, str(refused)]
    return [*found, *(f"{name} ({words})" for name, (_, words) in more.items())]


def changed_files(
    settings: Settings, wanted: StackPlan, facts: StoreFacts
) -> list[FileDifference]:
    """Return the compose files that are not on the host as planned."""
    texts = {
        f"{paths.stack_directory(settings)}/{file.name}": file.text
        for file in wanted.files.values()
    }
    return [
        FileDifference(path, words, text) for path, text in texts.items()
        if (words := file_difference(facts.files.get(path), text))
    ]


def unwanted_files(settings: Settings, wanted: StackPlan, facts: StoreFacts) -> list[str]:
    """Return the paths of the compose files of parts that are switched off."""
    here = paths.stack_directory(settings)
    return [
        path for name in wanted.absent_files if (path := f"{here}/{name}") in facts.files
    ]


def unwanted_containers(wanted: StackPlan, facts: StoreFacts) -> list[str]:
    """Return the names of the stack's containers that the settings no longer want."""
    return sorted(facts.of_stack - {service.container_name for service in wanted.services})


def changed_unit(settings: Settings, facts: StoreFacts) -> FileDifference | None:
    """Return how the boot unit differs, or None."""
    path, text = paths.unit_file(settings), unit_text(settings)
    words = file_difference(facts.files.get(path), text)
    return FileDifference(path, words, text) if words else None


def listed(
    settings: Settings, wanted: StackPlan, inputs: Sequence[BuildInput], facts: StoreFacts
) -> list[Difference]:
    """Return all differences of images, secrets and stack, in the order of a deploy."""
    unit = changed_unit(settings, facts)
    ids = kept_image_ids(wanted, inputs, facts)
    reasons = differences(wanted, facts.containers, facts.secrets, ids)
    found = {
        "images": [
            *(f"{name} (absent)" for name in missing_images(settings, wanted, inputs, facts)),
            *(
                f"{build.wanted.reference} ({build.reason})"
                for build in builds(inputs, images_of(facts))
            ),
        ],
        "secrets": _secrets(settings, facts),
        "stack": [
            *map(str, changed_files(settings, wanted, facts)),
            *(f"{path} (no longer in the settings)"
              for path in unwanted_files(settings, wanted, facts)),
            *(f"{name} ({reason})" for name, reason in reasons.items()),
            *(f"{name} (no longer in the settings)"
              for name in unwanted_containers(wanted, facts)),
            *([str(unit)] if unit else []),
            *([] if facts.enabled else [f"{paths.unit(settings)} is not enabled at boot"]),
        ],
    }
    return [Difference(component, words) for component, all_ in found.items() for words in all_]
