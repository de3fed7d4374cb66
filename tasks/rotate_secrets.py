"""New values for the secrets of a stack that is up (docs/stack.md)."""

from collections.abc import Mapping, Sequence
from typing import NoReturn

from pyinfra import host

from tasks import images
from xnai.facts.podman import StoreFacts
from xnai.facts.podman_call import PodmanUnknown
from xnai.operations import rotation
from xnai.operations.stack import stack_of
from xnai.programs.rotation.bundle import make_spec
from xnai.run.context import current
from xnai.run.pyinfra import RUN_BY_PYINFRA, fail_host, summary, this_host_alone
from xnai.run.store import (
    forget_store,
    other_files,
    read_store,
    refuse_unfinished_restore,
)
from xnai.settings.model import Settings
from xnai.stack import paths
from xnai.stack.catalogue import secret_forms
from xnai.stack.model import Service
from xnai.stack.own_secrets import given
from xnai.stack.plan import StackPlan, differences, foreign
from xnai.stack.services.vikunja import VikunjaSettings


def apply() -> None:
    """Declare the rotation of a stack that a deploy would leave alone. No preflight."""
    settings = current()
    wanted = images.stack_plan(settings)
    chosen = _chosen(settings)
    own = settings.of(VikunjaSettings)
    if own.end_vikunja_sessions and not own.vikunja:
        fail_host("end_vikunja_sessions = True: this machine has no Vikunja. Nothing was changed.")
    facts = read_store(host, settings)
    if refused := refuse_unfinished_restore(settings, facts):
        fail_host(f"rotate: {refused}")
    if found := _lacking(settings, wanted, facts):
        _refuse(found)
    mark = paths.rotation_marker(settings)
    unfinished = mark in facts.files
    found = _not_up(wanted, facts)
    if found and not unfinished:
        _refuse(found)
    if unfinished:
        host.log(
            f"an earlier rotation of secrets was not finished ({mark}): this one makes all of them "
            "anew"
        )
        chosen = _random(settings)
    names = [name for forms in chosen for name in forms]
    if not own.end_vikunja_sessions and f"{settings.stack_name}_vikunja_secret" in names:
        host.log(
            "whoever is logged in to Vikunja stays so: its sessions outlive its secret. With "
            "--data end_vikunja_sessions=True all of them are ended as well"
        )
    # What a deploy would recreate if these had other IDs is what is recreated.
    reasons = _differences(wanted, facts, dict.fromkeys(names, "another"))
    recreate = [service for service in wanted.services if service.name in reasons]
    rotation.rotate(
        name=(
            f"rotate: {', '.join(names)} (recreated: "
            f"{', '.join(service.container_name for service in recreate)})"
        ),
        spec=make_spec(settings, wanted, chosen, settled=not found),
        home=paths.rotation_home(settings),
        of=stack_of(host, settings, wanted),
        recreate=recreate,
        differing=lambda: _differing(settings, wanted),
    )


def _chosen(settings: Settings) -> tuple[dict[str, str], ...]:
    """The values to replace; naming one form of a value is naming it."""
    found = _random(settings)
    known = {name for forms in found for name in forms}
    if unknown := [name for name in settings.rotate_only if name not in known]:
        fail_host(
            f"rotate_only: {', '.join(unknown)}: no secret of this stack. Its secrets are "
            f"{', '.join(sorted(known))}. Nothing was changed."
        )
    wanted = set(settings.rotate_only) or known
    return tuple(forms for forms in found if wanted & set(forms))


def _random(settings: Settings) -> tuple[dict[str, str], ...]:
    """The secrets that are made on the host; the others' values are the user's to change."""
    return tuple(forms for forms in secret_forms(settings) if given(settings).isdisjoint(forms))


def _refuse(found: Sequence[str]) -> NoReturn:
    fail_host(
        f"rotate: a deploy would change this machine: {summary(found)}. Secrets are rotated where "
        "the stack is healthy: pyinfra inventory.py deploy.py, then this again. Nothing was "
        "changed."
    )


def _lacking(settings: Settings, wanted: StackPlan, facts: StoreFacts) -> list[str]:
    """What must be there in any case, also where an earlier rotation was not finished."""
    if isinstance(facts.containers, PodmanUnknown) or isinstance(facts.secrets, PodmanUnknown):
        return ["no Podman yet"]
    found = other_files(settings, wanted, facts)
    strangers = foreign(wanted, facts.containers, settings.stack_name)
    return found + [f"{name} (somebody else's)" for name in strangers]


def _not_up(wanted: StackPlan, facts: StoreFacts) -> list[str]:
    """The services that a deploy would recreate, or wait for, and why."""
    reasons = _differences(wanted, facts, {})
    found = [f"{name} ({reason})" for name, reason in reasons.items()]
    if isinstance(facts.containers, PodmanUnknown):
        return found
    return found + [
        f"{service.name} ({facts.containers[service.container_name].health})"
        for service in wanted.services
        if service.name not in reasons and not facts.containers[service.container_name].is_up
    ]


def _differences(
    wanted: StackPlan, facts: StoreFacts, other_ids: Mapping[str, str]
) -> dict[str, str]:
    """The stack's own comparison, with other IDs of some secrets.

    A registry image whose name got another meaning is left to the deploy.
    """
    if isinstance(facts.containers, PodmanUnknown) or isinstance(facts.secrets, PodmanUnknown):
        return differences(wanted, facts.containers, facts.secrets, {})
    ids = {
        wanted.references[service.name]: facts.containers[service.container_name].image_id
        for service in wanted.services if service.container_name in facts.containers
    }
    return differences(wanted, facts.containers, {**facts.secrets, **other_ids}, ids)


def _differing(settings: Settings, wanted: StackPlan) -> list[Service]:
    """The services whose containers are not as they should be, as the host is at this moment."""
    forget_store(host)
    reasons = _differences(wanted, read_store(host, settings), {})
    return [service for service in wanted.services if service.name in reasons]


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        apply()
