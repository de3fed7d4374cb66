"""The Podman state of a host as one run knows it; forget_store() invalidates it."""

from __future__ import annotations

import time
from pathlib import PurePosixPath
from typing import Any

from pyinfra.api.host import Host
from pyinfra.context import ctx_state

from xnai.facts.boot_unit import BootUnit
from xnai.facts.podman import Container, Store, StoreFacts
from xnai.facts.podman_call import ANSWER_WITHIN_S, PodmanUnknown
from xnai.facts.running import Running
from xnai.facts.sections import file_difference
from xnai.run.known import known
from xnai.run.pyinfra import HostFailed
from xnai.settings.model import Settings
from xnai.stack import paths
from xnai.stack.catalogue import PARTS, container_names, secret_forms
from xnai.stack.differences import changed_files
from xnai.stack.plan import StackPlan, file_name


def compose_files(settings: Settings) -> list[str]:
    """Return the paths of the compose files on the host, also of parts that are switched off."""
    return [f"{paths.stack_directory(settings)}/{file_name(part)}" for part in PARTS]


def other_files(settings: Settings, wanted: StackPlan, facts: StoreFacts) -> list[str]:
    """Return the compose files that are not on the host as planned: name and difference."""
    return [
        f"{PurePosixPath(file.path).name} ({file.words})"
        for file in changed_files(settings, wanted, facts)
    ]


def as_good(settings: Settings, wanted: StackPlan, facts: StoreFacts) -> set[str]:
    """Return the parts of the stack whose compose file is that of the last healthy generation.

    All of them where no generation was ever healthy: there are no data to protect yet.
    """
    good = paths.good_directory(paths.stack_directory(settings))
    of_part = {part: f"{good}/{file.name}" for part, file in wanted.files.items()}
    if not any(path in facts.files for path in of_part.values()):
        return set(of_part)
    return {
        part for part, path in of_part.items()
        if not file_difference(facts.files.get(path), wanted.files[part].text)
    }


def refuse_unfinished_rotation(settings: Settings, facts: StoreFacts) -> str:
    """Return why a deploy must not begin where a rotation of secrets was killed; else nothing.

    Secrets are then a mixture: a container that is recreated would log in with a password that the
    database may not know, and stay unhealthy.
    """
    mark = paths.rotation_marker(settings)
    if mark not in facts.files:
        return ""
    return (
        f"a rotation of secrets was begun and not finished ({mark}), so some services and the "
        "database may have old ones and some new. Nothing was changed. Finish it, with the "
        "settings of the last deploy: pyinfra inventory.py tasks/rotate_secrets.py, then run this "
        "again. If it refuses because a deploy would change this machine, accept the secrets as "
        f"they are (sudo rm {mark}), deploy, and rotate then"
    )


def refuse_unfinished_restore(settings: Settings, facts: StoreFacts) -> str:
    """Return why nothing may begin where a restore of data was killed; else nothing.

    A deploy would start the database on a volume that was emptied, find it healthy, and keep that
    as the last healthy generation.
    """
    mark = paths.restore_marker(settings)
    if mark not in facts.files:
        return ""
    return (
        f"a restore was begun and not finished ({mark}), so the data are neither those of before "
        "nor the archive's. Nothing was changed. The file names that archive, and the one that "
        f"keeps what was there before (sudo cat {mark}). Restore either: pyinfra inventory.py "
        "tasks/restore.py --data restore_from=PATH, then run this again"
    )


def read_store(host: Host, settings: Settings) -> StoreFacts:
    """Return the Podman store's facts of `host`, read once while a run is prepared.

    The images, secrets and stack steps compare it with the settings.

    Raises:
        HostFailed: Podman was set up and does not answer, and no earlier step of this run has
            declared an operation that might mend it.
    """
    found = known(host).store
    if found is None:
        found = known(host).store = host.get_fact(Store, **of_store(settings))
    parts = (found.images, found.secrets, found.containers)
    unknown = any(isinstance(part, PodmanUnknown) for part in parts)
    if unknown and found.set_up and not ctx_state.get().ops[host]:
        raise HostFailed(
            f"Podman of {settings.stack_user} does not answer, or not within "
            f"{ANSWER_WITHIN_S} s, so what is there cannot be told. Look: sudo xnai-podman ps; "
            "one that hangs waits for another that holds the store's lock (ps -fu "
            f"{settings.stack_user}). Nothing was changed."
        )
    return found


def of_store(settings: Settings) -> dict[str, Any]:
    """Return what `Store` is asked with."""
    good = paths.good_directory(paths.stack_directory(settings))
    return {
        "stack": settings.stack_name,
        "secrets": [name for forms in secret_forms(settings) for name in forms],
        "containers": container_names(settings),
        "paths": [
            *compose_files(settings),
            *(f"{good}/{file_name(part)}" for part in PARTS),
            paths.unit_file(settings),
            paths.rotation_marker(settings),
            paths.restore_marker(settings),
            paths.data_record(settings),
        ],
        "wants": f"/etc/systemd/user/default.target.wants/{paths.unit(settings)}",
    }


def forget_store(host: Host) -> None:
    """Let the next read_store ask the host again."""
    known(host).store = None


def wait_for_boot(host: Host, settings: Settings, timeout_s: int) -> None:
    """Wait while the boot unit is at work.

    Args:
        host: whose.
        settings: its settings.
        timeout_s: how long at most, in seconds.
    """
    started = time.monotonic()
    waited = False
    while time.monotonic() - started < timeout_s and host.get_fact(
        BootUnit, user=settings.stack_user, unit=paths.unit(settings)
    ):
        if not waited:
            host.log(f"waiting for {paths.unit(settings)}, which starts the stack after a boot")
        waited = True
        time.sleep(1)


def read_running(
    host: Host, settings: Settings, check: str = "", ready_url: str = ""
) -> dict[str, Container]:
    """Return the stack's containers of `host` as they are at this moment.

    Args:
        host: whose.
        settings: its settings.
        check: a container whose health check to run first, or none.
        ready_url: what to ask of that container besides, or nothing.
    """
    found: dict[str, Container] = host.get_fact(
        Running, containers=container_names(settings), check=check, ready_url=ready_url
    )
    return found
