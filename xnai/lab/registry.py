"""An image registry on this host's loopback, filled with the stand-ins."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from xnai.lab import checks, deps, paths, process
from xnai.lab.backends.base import Launch
from xnai.lab.errors import LabError
from xnai.lab.proc import locked, run_logged, tail
from xnai.lab.progress import Progress
from xnai.lab.registry_program import program
from xnai.lab.spec import load_json, save_json
from xnai.lab.standins.build import Built, ensure
from xnai.lab.standins.definitions import ALL, StandIn
from xnai.lab.waiting import until

STATE = "state.json"
PROCESS = "registry"
# What a guest calls the host's 127.0.0.1.
HOST_AS_SEEN_BY_GUESTS = "10.0.2.2"
PORTS = range(22400, 22420)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
START_TIMEOUT_S = 15.0
# Stand-ins that are built at the same time: each waits for the network and the disk in turn.
AT_ONCE = 2


@dataclass(frozen=True)
class RegistryStatus:
    """What the registry is doing.

    Args:
        running: whether our process runs and answers.
        port: its port on 127.0.0.1, None when it never ran.
        images: references that it serves.
    """

    running: bool
    port: int | None
    images: tuple[str, ...] = ()


def directory() -> Path:
    """The registry's folder.

    Returns:
        The path; not created here.
    """
    return paths.state_dir() / "registry"


def port() -> int | None:
    """The port that the state file names.

    Returns:
        None when the registry never ran here.
    """
    state = load_json(directory() / STATE)
    return int(state["port"]) if state else None


def config_text(number: int, storage: Path) -> str:
    """The registry's configuration (JSON is YAML too).

    Args:
        number: its port on 127.0.0.1.
        storage: where it keeps its blobs.

    Returns:
        The file's text.
    """
    return json.dumps(
        {
            "version": "0.1",
            "log": {"level": "info"},
            "storage": {
                "filesystem": {"rootdirectory": str(storage)},
                "delete": {"enabled": True},
            },
            "http": {"addr": f"127.0.0.1:{number}"},
        },
        indent=2,
    )


def _digest(number: int, reference: str) -> str | None:
    """The digest that the registry serves for a reference."""
    repository, _, tag = reference.partition(":")
    request = urllib.request.Request(
        f"http://127.0.0.1:{number}/v2/{repository}/manifests/{tag}",
        method="HEAD",
        headers={"Accept": MANIFEST},
    )
    try:
        with _open(request) as answer:
            return answer.headers.get("Docker-Content-Digest")
    except OSError:
        return None


def _open(request: urllib.request.Request) -> http.client.HTTPResponse:
    # A proxy named in the environment must not be asked for our own loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    answer: http.client.HTTPResponse = opener.open(request, timeout=5)
    return answer


def answers(number: int) -> bool:
    """Whether a registry answers on a port of 127.0.0.1.

    Args:
        number: the port.

    Returns:
        True when it does.
    """
    try:
        with _open(urllib.request.Request(f"http://127.0.0.1:{number}/v2/")) as answer:
            return answer.status == 200
    except OSError:
        return False


def status() -> RegistryStatus:
    """What the registry is doing.

    Returns:
        Its state and the stand-ins that it really serves.
    """
    number = port()
    if number is None or not process.running(directory(), PROCESS) or not answers(number):
        return RegistryStatus(False, number)
    served = tuple(s.reference for s in ALL if _digest(number, s.reference))
    return RegistryStatus(True, number, served)


def up(
    progress: Progress, standins: Sequence[StandIn] = ALL, *, refresh: bool = False
) -> RegistryStatus:
    """Start the registry and fill it with stand-ins; what is there already is kept.

    Args:
        progress: where the steps are told.
        standins: which it shall have.
        refresh: build them anew from what Debian offers by now.

    Returns:
        Its state.

    Raises:
        LabError: a package is missing, a build failed, or it does not start.
    """
    deps.require_registry()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        built = list(
            pool.map(lambda standin: ensure(standin, progress, refresh=refresh), standins)
        )
    root = paths.private_dir(directory())
    with locked(root / "lock", progress, "the registry in work"):
        number = _start(root, progress)
        for image in built:
            _push(image, number, root, progress)
    return status()


def _start(root: Path, progress: Progress) -> int:
    number = port()
    if number is not None and process.running(root, PROCESS):
        return number
    process.kill(root, PROCESS)
    if number is None or not checks.port_is_free(number):
        number = next((p for p in PORTS if checks.port_is_free(p)), None)
    if number is None:
        raise LabError(
            "no port is free for the registry",
            found=f"{PORTS.start} to {PORTS.stop - 1} of 127.0.0.1 are all taken",
        )
    storage = paths.private_dir(paths.cache_dir() / "registry")
    (root / "config.yml").write_text(config_text(number, storage))
    launch = Launch(
        [str(program(progress)), "serve", str(root / "config.yml")],
        {"OTEL_TRACES_EXPORTER": "none"},
    )
    process.spawn(launch, root, PROCESS, "registry.log")
    save_json(root / STATE, {"port": number})
    with progress.step("starting the registry"):
        if not until(lambda: answers(number), timeout_s=START_TIMEOUT_S):
            process.kill(root, PROCESS)
            raise LabError("the registry does not answer", found=tail(root / "registry.log"))
    return number


def _push(image: Built, number: int, root: Path, progress: Progress) -> None:
    reference = image.standin.reference
    if _digest(number, reference) == image.digest:
        return
    with progress.step(f"putting {reference} into the registry"):
        run_logged(
            [
                "skopeo",
                "copy",
                # The stand-ins were made here: there is nobody's signature to check.
                "--insecure-policy",
                "--dest-tls-verify=false",
                f"oci:{image.layout}:{image.standin.tag}",
                f"docker://127.0.0.1:{number}/{reference}",
            ],
            root / "push.log",
        )


def down() -> bool:
    """Stop the registry; its images stay in the cache.

    Returns:
        Whether it ran.
    """
    ran = process.running(directory(), PROCESS) is not None
    process.kill(directory(), PROCESS)
    return ran
