"""The safe remedies for what triage finds, and then the proof: pyinfra inventory.py tasks/repair.py

Nothing here deletes data, widens permissions or publishes a port. What it leaves alone it names.
"""

import time

from pyinfra import host
from pyinfra.api.exceptions import OperationError
from pyinfra.context import ctx_host
from pyinfra.operations import server

from xnai.operations import repair, root_file, stack_user, zram
from xnai.preflight.zram_asked import prevents
from xnai.run.context import current
from xnai.run.known import known
from xnai.run.pyinfra import RUN_BY_PYINFRA, this_host_alone
from xnai.run.reading import memory_now, zram_generator
from xnai.run.store import read_running
from xnai.settings.model import Settings
from xnai.stack import paths
from xnai.stack.boot_unit import unit_text
from xnai.stack.catalogue import PARTS
from xnai.stack.plan import file_name
from xnai.stack.shared import data_network
from xnai.triage.ask import HostTriage, Looked, triage
from xnai.triage.repairs import Repair, repairs

_WITHIN_S = 120


def apply() -> None:
    """Declare the remedies of what is wrong now."""
    settings = current()
    # Not pyinfra's stand-in for it, which has no length and so is neither true nor false.
    found = triage(ctx_host.get())
    looked = next((one for one in found.looked if one.scope.is_ours), None)
    if looked is None:
        host.log(
            "nothing of ours is deployed here, and nothing of somebody else's is repaired: "
            "xnai triage says what is wrong"
        )
        return
    chosen, left = repairs(looked)
    for line in left:
        host.log(f"left alone: {line}")
    for one in chosen:
        _declare(settings, looked, found, one)
    if chosen:
        repair.verified(
            name="repair: look again", check=lambda: _verify(chosen),
        )
    elif not left:
        host.log("repair: nothing is wrong")


def _declare(settings: Settings, looked: Looked, found: HostTriage, one: Repair) -> None:
    """One remedy as operations, with the difference in their names."""
    shown = f"repair: {one.why}"
    match one.kind:
        case "zram" | "linger" | "boot-unit":
            _of_host(settings, looked, one, shown)
        case "files":
            repair.files(
                name=f"{shown} (the last healthy generation's files)",
                directory=paths.stack_directory(settings),
                names=[file_name(part) for part in PARTS],
            )
        case "image-space":
            repair.image_space(
                name=f"{shown} (images of ours that nothing uses)", stack_name=settings.stack_name
            )
        case "network":
            repair.networks(
                name=f"{shown} (made again)", stack_name=settings.stack_name,
                wanted={settings.stack_name: False, data_network(settings): True},
            )
            _recreate(settings, found, shown, one)
        case "volume-owner" | "role-password":
            _of_data(settings, looked, one, shown)
        case "recreate":
            _recreate(settings, found, shown, one)
        case "restart":
            repair.restart(name=f"{shown} (restarted)", containers=list(one.containers))
        case "dns":
            repair.reload_networks(
                name=f"{shown} (networks reloaded)", containers=list(one.containers)
            )


def _of_host(settings: Settings, looked: Looked, one: Repair, shown: str) -> None:
    user, unit = looked.scope.user, paths.unit(settings)
    if one.kind == "zram":
        zram.activate(
            name=f"{shown} (started)", change=one.why,
            read=lambda: memory_now(ctx_host.get(), settings),
            prevented=lambda: prevents(
                zram_generator(
                    ctx_host.get(), settings, settings.zram_compression_algorithm
                )
            ),
        )
    elif one.kind == "linger":
        stack_user.linger(
            name=f"{shown} ({user}: lingering on)", user=user, uid=int(looked.scope.store["uid"])
        )
        server.shell(
            name=f"repair: start {unit}",
            commands=[f"systemctl --user --machine={user}@ start {unit}"],
        )
    else:
        path = paths.unit_file(settings)
        root_file.put(name=f"{shown} ({path})", text=unit_text(settings), path=path)
        server.shell(
            name=f"repair: enable {unit} at boot",
            commands=[f"umask 022; systemctl --global enable {unit}"],
        )


def _of_data(settings: Settings, looked: Looked, one: Repair, shown: str) -> None:
    services = {service.container_name: service for service in looked.scope.wanted}
    if one.kind == "volume-owner":
        saves = services[one.entity].store == "redis"
        repair.volume_owner(
            name=shown, path=one.path, owner=one.owner, save=one.entity if saves else ""
        )
        return
    database = next(service for service in services.values() if service.store == "postgresql")
    repair.role_password(
        name=f"{shown} (the secret's)", database=database, home=paths.backup_home(settings)
    )


def _recreate(settings: Settings, found: HostTriage, shown: str, one: Repair) -> None:
    if not one.containers:
        return
    repair.recreate(
        name=f"{shown}: recreate {', '.join(one.containers)}",
        directory=paths.stack_directory(settings), texts=found.good_files,
        containers=list(one.containers),
        read=lambda name, url: read_running(ctx_host.get(), settings, name, url),
        timeout_s=settings.stack_healthy_timeout_s,
    )


def _verify(chosen: list[Repair]) -> None:
    """Look until all is well, two minutes at most; then say what is still wrong."""
    known(ctx_host.get()).store = None
    settings, ends = current(), time.monotonic() + _WITHIN_S
    while True:
        for name in sorted({name for one in chosen for name in one.containers}):
            read_running(ctx_host.get(), settings, name)
        again = next(one for one in triage(ctx_host.get()).looked if one.scope.is_ours)
        roots = [f"{one.entity}: {one.title} [{one.id}]" for one in again.judgement.roots]
        mended = repairs(again)[0]
        if not mended:
            break
        if time.monotonic() > ends:
            raise OperationError("still wrong after the repair: " + "; ".join(roots))
    for spot in again.judgement.blind:
        host.log(f"could not be verified: {spot.subject}: {spot.why}")
    for line in roots:
        host.log(f"left alone: {line}")
    host.log("repair: what was repaired is well")


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        apply()
