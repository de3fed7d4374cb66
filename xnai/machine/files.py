"""Files that the deploy puts on a machine for the stack's user and its Podman."""

from __future__ import annotations

from pathlib import Path

from xnai.settings.model import Settings
from xnai.stack.catalogue import services
from xnai.stack.paths import (
    BUILD_SLICE,
    COMPOSE,
    OPT,
    SLICES,
    STATE,
    USER_SERVICE,
    build_directory,
    certificate,
    of_stack,
    stack_directory,
)
from xnai.templating.render import ROOT, render

# Of the manager's too, beside it: what builds images weighs a tenth of what runs.
BUILD_SLICE_FILE = f".config/systemd/user/{BUILD_SLICE}"

# The cgroup between the manager and the containers, a unit of the manager's own.
USER_SLICE = ".config/systemd/user/user.slice.d/90-xnai.conf"


def authorities(settings: Settings) -> dict[str, str]:
    """Return the extra CA certificates: path on the host -> text."""
    return {
        certificate(path): Path(path).read_text("utf-8")
        for path in settings.extra_ca_certificates
    }


def directories(settings: Settings, group: str) -> dict[str, str]:
    """Return the stack's directories with `mode owner group`, parents first.

    The stack's user reads them and can change nothing: root writes there, and would follow what
    a process that broke out of a container had put in its way.
    """
    own = (of_stack(settings), build_directory(settings), stack_directory(settings))
    return {OPT: "0755 root root", STATE: "0755 root root"} | {
        path: f"0750 root {group}" for path in own
    }


def home_texts(settings: Settings) -> dict[str, str]:
    """Return our files below the stack user's home, relative path -> text."""
    return {
        ".config/containers/containers.conf.d/90-xnai.conf": render(
            "containers/containers.conf.j2", compose=f"{COMPOSE}/bin/podman-compose"
        ),
        ".config/containers/registries.conf.d/90-xnai.conf": render(
            "containers/registries.conf.j2", mirrors=settings.registry_mirrors
        ),
        USER_SLICE: render("containers/slice.conf.j2", reserved_mib=reserved_mib(settings)),
        BUILD_SLICE_FILE: render("containers/build.slice.j2"),
    }


def system_texts(settings: Settings) -> dict[str, str]:
    """Return the drop-ins of the stack user's manager and of the slices above it: path -> text.

    `{uid}` in a path stands for that user's UID.
    """
    reserved = reserved_mib(settings)
    manager = render(
        "containers/user-service.conf.j2",
        dedicated=not settings.stack_user_explicit,
        oom_exempt=settings.oom_exempt,
        reserved_mib=reserved,
    )
    slice_text = render("containers/slice.conf.j2", reserved_mib=reserved)
    return {USER_SERVICE: manager} | dict.fromkeys(SLICES, slice_text)


def wrapper_text(settings: Settings, uid: int, home: str) -> str:
    """Return the program that runs podman as the stack's user, of that UID and home."""
    return render(
        "containers/xnai-podman.j2", user=settings.stack_user, uid=uid, home=home,
        proxy=bool(settings.proxy_url), build_slice=BUILD_SLICE,
    )


def reserved_mib(settings: Settings) -> int:
    """Return the sum of the services' reservations in MiB."""
    return sum(service.memory.reservation_mib for service in services(settings))


def compose_lock() -> str:
    """Return podman-compose's requirements, locked with hashes."""
    return (ROOT / "files/podman-compose/requirements.txt").read_text("utf-8")
