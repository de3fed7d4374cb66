"""The stack's containers from its compose files, at every boot, healthy."""

from collections.abc import Mapping, Sequence

from pyinfra import host
from pyinfra.api.exceptions import OperationError
from pyinfra.operations import server

from tasks import before, images, preflight, verify
from tasks.backup import copy_command
from xnai.facts.podman import StoreFacts
from xnai.facts.podman_call import PodmanUnknown
from xnai.facts.sections import file_difference
from xnai.images.plan import previous_name
from xnai.operations import root_file, stack
from xnai.operations.data import Data
from xnai.operations.healthy import wait_until_healthy
from xnai.operations.stack import stack_of
from xnai.programs.rollback import bundle as rollback
from xnai.programs.rollback import majors
from xnai.run.context import current
from xnai.run.known import known
from xnai.run.pyinfra import RUN_BY_PYINFRA, fail_host, this_host_alone
from xnai.run.store import (
    as_good,
    forget_store,
    read_store,
    refuse_unfinished_restore,
    refuse_unfinished_rotation,
    wait_for_boot,
)
from xnai.settings.model import Settings
from xnai.stack.differences import (
    changed_files,
    changed_unit,
    containers_of,
    in_use,
    kept_image_ids,
    unwanted_containers,
    unwanted_files,
)
from xnai.stack.paths import (
    backup_home,
    data_record,
    good_directory,
    stack_directory,
    unit,
)
from xnai.stack.plan import (
    StackPlan,
    changed_images,
    differences,
    foreign,
    starting,
    with_data,
)


def apply() -> None:
    """Declare what differs between the plan and the host's containers."""
    settings = current()
    wanted = images.stack_plan(settings)
    facts = _facts_after_boot(settings)
    refused = refuse_unfinished_restore(settings, facts)
    if refused := refused or refuse_unfinished_rotation(settings, facts):
        fail_host(f"stack: {refused}")
    if names := foreign(wanted, containers_of(facts), settings.stack_name):
        fail_host(
            f"{', '.join(names)} in the Podman store of {settings.stack_user}: made by somebody "
            "else, and would have to be removed for ours. Rename or remove them, or choose "
            "another stack_name. Nothing was changed."
        )
    image_ids = kept_image_ids(wanted, images.inputs(settings), facts)
    reasons = _reasons(wanted, facts, image_ids)
    copied = changed_images(
        wanted, reasons, facts.containers, image_ids, as_good(settings, wanted, facts)
    )
    if refused := _other_major(wanted, facts, copied):
        fail_host(f"stack: {refused}")
    _files(settings, wanted, facts)
    if reasons:
        _bring_up(settings, wanted, facts, with_data(wanted, reasons, copied), copied)
    elif names := starting(wanted, containers_of(facts)):
        _wait(settings, wanted, names)
    else:
        _keep(settings, wanted, facts)
    # Last: what a failed bring-up goes back to may need it.
    if unwanted := unwanted_containers(wanted, facts):
        stack.remove(
            name=f"stack: remove {', '.join(unwanted)} (no longer in the settings; volumes stay)",
            names=unwanted,
        )
    _at_boot(settings, facts)


def _facts_after_boot(settings: Settings) -> StoreFacts:
    """The store's facts; shortly after a boot, what was down when this run began may be up."""
    facts = read_store(host, settings)
    if any(c.state not in ("running", "paused") for c in containers_of(facts).values()):
        wait_for_boot(host, settings, settings.stack_healthy_timeout_s)
        forget_store(host)
        facts = read_store(host, settings)
    return facts


def _reasons(wanted: StackPlan, facts: StoreFacts, image_ids: Mapping[str, str]) -> dict[str, str]:
    """Why services must be brought up: name -> reason, in dependency order."""
    if known(host).user_manager_restarts:
        return dict.fromkeys((s.name for s in wanted.services), "its user manager restarts")
    return differences(wanted, facts.containers, facts.secrets, image_ids)


def _other_major(wanted: StackPlan, facts: StoreFacts, copied: Sequence[str]) -> str:
    """Why the database's image is refused, where its tag and the present one's tell it already.

    Where they do not, the program on the host asks the files and the image, before it stops
    anything.
    """
    databases = (s for s in wanted.services if s.store == "postgresql" and s.name in copied)
    service = next(databases, None)
    container = containers_of(facts).get(service.container_name) if service else None
    if service is None or container is None or isinstance(facts.images, PodmanUnknown):
        return ""
    names = [name for i in facts.images if i.id == container.image_id for name in i.names]
    reference = wanted.references[service.name]
    return majors.refusal(
        service.name,
        majors.of_references(names), majors.of_references([reference]),
        names[0] if names else "", reference,
        [s.container_name for s in wanted.services if service.name in s.depends_on]
        + [service.container_name],
        service.volumes[0][0],
    )


def _bring_up(
    settings: Settings, wanted: StackPlan, facts: StoreFacts, reasons: Mapping[str, str],
    copied: Sequence[str],
) -> None:
    shown = ", ".join(f"{name} ({reason})" for name, reason in reasons.items())
    first = f"; first a copy of the data of {', '.join(copied)}" if copied else ""
    recreate = [service for service in wanted.services if service.name in reasons]
    data = None
    # What a killed run has copied is gone back to as well.
    if copied or data_record(settings) in facts.files:
        data = Data(
            rollback.make_spec(
                settings, wanted, copied, recreate, data_record(settings), copy_command()
            ),
            backup_home(settings),
        )
    stack.bring_up(
        name=f"stack: bring up {shown}{first}",
        of=stack_of(host, settings, wanted),
        recreate=recreate,
        previous={
            previous_name(settings.stack_name, name): id_
            for name, id_ in images.replaced(settings).items()
        },
        data=data,
        there=in_use(facts),
    )


def _wait(settings: Settings, wanted: StackPlan, names: Sequence[str]) -> None:
    """Nothing to change, only to wait for, as shortly after a boot."""
    of = stack_of(host, settings, wanted)
    try:
        for service in wanted.services:
            if service.container_name in names:
                wait_until_healthy(
                    of.read, service.container_name, service.ready_url, of.timeout_s
                )
    except OperationError as error:
        fail_host(str(error))
    forget_store(host)


def _files(settings: Settings, wanted: StackPlan, facts: StoreFacts) -> None:
    """The compose files, and none of parts that are switched off."""
    for file in changed_files(settings, wanted, facts):
        root_file.put(name=f"stack: {file}", text=file.text, path=file.path)
    for path in unwanted_files(settings, wanted, facts):
        root_file.remove(name=f"stack: {path} (no longer in the settings)", paths=[path])


def _keep(settings: Settings, wanted: StackPlan, facts: StoreFacts) -> None:
    """What is healthy without a change is what a later failure goes back to."""
    directory = stack_directory(settings)
    good = good_directory(directory)
    texts = {f"{good}/{file.name}": file.text for file in wanted.files.values()}
    left = data_record(settings) in facts.files
    if left or any(f"{good}/{name}" in facts.files for name in wanted.absent_files) or any(
        file_difference(facts.files.get(path), text) for path, text in texts.items()
    ):
        # A run that was ended may have left a server that still prepares its database.
        _wait(settings, wanted, [s.container_name for s in wanted.services if s.ready_url])
        stack.keep(
            name="stack: keep this generation to go back to", plan=wanted, directory=directory,
        )


def _at_boot(settings: Settings, facts: StoreFacts) -> None:
    """The boot unit: in place and enabled."""
    if unit_file := changed_unit(settings, facts):
        root_file.put(name=f"stack: {unit_file}", text=unit_file.text, path=unit_file.path)
    if not facts.enabled:
        server.shell(
            name=f"stack: enable {unit(settings)} at boot",
            commands=[f"umask 022; systemctl --global enable {unit(settings)}"],
        )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        preflight.apply()
        before.apply()
        apply()
        verify.waiting()
