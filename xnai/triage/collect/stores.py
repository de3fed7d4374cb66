"""What users' rootless Podman holds; asked as that user, and only where a user session is."""

from __future__ import annotations

import base64
import itertools
import json
import os
import pwd
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from xnai.triage.collect.bounded import Login, first_line, plain, run
from xnai.triage.collect.masking import SECRET_NAME, Masked

_FIRST_UID = 1000
_NOBODY = 65534
_CALL_S = 30.0
_MOST = 8 << 20
_STORE = ".local/share/containers/storage"


def accounts(stack_user: str) -> list[Login]:
    """Return the users that may have a rootless store, the stack's first.

    Args:
        stack_user: whose store is looked for whether there is one or not.
    """
    found = []
    for one in pwd.getpwall():
        is_person = _FIRST_UID <= one.pw_uid < _NOBODY
        places = (_STORE, ".config/containers/storage.conf")
        has_store = any(os.path.lexists(f"{one.pw_dir}/{place}") for place in places)
        if one.pw_name == stack_user or (is_person and has_store):
            found.append(Login(one.pw_name, one.pw_uid, one.pw_gid, one.pw_dir))
    return sorted(found, key=lambda one: (one.name != stack_user, one.name))


def read(account: Login, masked: Masked, secrets: Sequence[str]) -> dict[str, Any]:
    """Return a user's store.

    Args:
        account: whose.
        masked: learns the values of the store's secrets.
        secrets: names of secrets to look for besides those that Podman lists.
    """
    shown: dict[str, Any] = {
        "user": account.name, "uid": account.uid, "home": account.home,
        "session": Path(f"/run/user/{account.uid}/bus").exists(),
        "runtime_dir": Path(f"/run/user/{account.uid}").is_dir(),
        "storage": os.path.lexists(f"{account.home}/{_STORE}"),
    }
    if os.geteuid() not in (0, account.uid):
        return shown | {"error": "its store can only be read by root or by that user"}
    # Without its directory Podman would take another one, and write into the store.
    if not shown["runtime_dir"]:
        return shown | {"error": f"no /run/user/{account.uid}: no user session"}
    with ThreadPoolExecutor(4) as pool:
        waiting = {
            "containers": pool.submit(_containers, account),
            "images": pool.submit(_listed, account, ["images"]),
            "networks": pool.submit(_listed, account, ["network", "ls"]),
            "volumes": pool.submit(_listed, account, ["volume", "ls"]),
            "secrets": pool.submit(_secrets, account, masked, secrets),
            "units": pool.submit(_units, account),
        }
        for name, call in waiting.items():
            shown[name] = call.result()
    answers = [shown[name] for name in ("containers", "images", "networks", "volumes")]
    errors = [one["error"] for one in answers if isinstance(one, dict)]
    if errors:
        shown["error"] = errors[0]
        _from_file(account, masked)
    for name in waiting:
        if isinstance(shown[name], dict) and "error" in shown[name]:
            shown[name] = None
    for one in shown["containers"] or ():
        _mask_environment(one, masked)
    return shown


def podman(account: Login, *words: str) -> Any:
    """Return what a call of Podman prints as JSON, or a dictionary with its error."""
    said = run(["podman", *words], limit_s=_CALL_S, most=_MOST, account=account)
    if said.code is None:
        why = said.error or f"no answer within {_CALL_S:.0f} s"
        return {"error": f"podman {words[0]}: {why}"}
    try:
        # With a missing name Podman prints the others and fails.
        return json.loads(said.text or "null")
    except ValueError:
        pass
    return {"error": f"podman {words[0]}: exit code {said.code}: {said.error[-500:]}"}


def _listed(account: Login, words: Sequence[str]) -> Any:
    return podman(account, *words, "--format", "json") or []


def _containers(account: Login) -> Any:
    said = run(["podman", "ps", "--all", "--quiet", "--no-trunc"], _CALL_S, account=account)
    if said.code != 0:
        return {"error": f"podman ps: {said.error or f'no answer within {_CALL_S:.0f} s'}"}
    names = said.text.split()
    if not names:
        return []
    found = podman(account, "container", "inspect", *names)
    return found if isinstance(found, dict) else [_kept(one) for one in found]


def _kept(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What is judged of a container; the rest of an inspection is long."""
    state, config, host = entry["State"], entry["Config"], entry["HostConfig"]
    health = state.get("Health") or {}
    networks = (entry.get("NetworkSettings") or {}).get("Networks") or {}
    return {
        "id": entry["Id"], "name": entry["Name"], "image": entry.get("ImageName") or "",
        "image_id": entry.get("Image") or "", "status": state.get("Status"),
        "pid": state.get("Pid") or 0, "exit_code": state.get("ExitCode") or 0,
        "oom_killed": bool(state.get("OOMKilled")), "error": state.get("Error") or "",
        "started": state.get("StartedAt") or "", "finished": state.get("FinishedAt") or "",
        "created": entry.get("Created") or "", "restarts": entry.get("RestartCount") or 0,
        "health": health.get("Status") or "",
        "health_streak": health.get("FailingStreak") or 0,
        "health_log": [
            {
                "start": one.get("Start") or "", "code": one.get("ExitCode"),
                "output": (one.get("Output") or "")[-2000:],
            }
            for one in (health.get("Log") or [])[-5:]
        ],
        "health_command": (config.get("Healthcheck") or {}).get("Test") or [],
        "restart_policy": (host.get("RestartPolicy") or {}).get("Name") or "no",
        "labels": config.get("Labels") or {}, "env": config.get("Env") or [],
        "command": [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]
        if isinstance(config.get("Entrypoint"), list) else config.get("Cmd") or [],
        "user": config.get("User") or "", "read_only": bool(host.get("ReadonlyRootfs")),
        "secrets": [
            {"name": one.get("Name"), "id": one.get("ID")} for one in config.get("Secrets") or []
        ],
        "log_driver": (host.get("LogConfig") or {}).get("Type") or "",
        "log_path": (host.get("LogConfig") or {}).get("Path") or "",
        "cgroup_path": state.get("CgroupPath") or "",
        "memory_limit": host.get("Memory") or 0, "pids_limit": host.get("PidsLimit") or 0,
        "stop_timeout_s": config.get("StopTimeout") or 0,
        "mounts": [
            {
                "type": one.get("Type"), "name": one.get("Name") or "",
                "source": one.get("Source") or "", "target": one.get("Destination"),
                "writable": bool(one.get("RW")),
            }
            for one in entry.get("Mounts") or []
        ],
        "ports": host.get("PortBindings") or {}, "exposed": list(config.get("ExposedPorts") or {}),
        "networks": {
            name: {
                "ip": one.get("IPAddress") or "", "gateway": one.get("Gateway") or "",
                "aliases": one.get("Aliases") or [],
            }
            for name, one in networks.items()
        },
        "dependencies": entry.get("Dependencies") or [],
        "inspected": _for_comparison(entry),
    }


_COMPARED = {
    "Config": ("CreateCommand", "Env", "User", "Healthcheck", "StopTimeout", "StopSignal"),
    "HostConfig": (
        "Memory", "MemorySwap", "MemoryReservation", "PortBindings", "ReadonlyRootfs",
        "RestartPolicy", "OomScoreAdj", "Privileged", "SecurityOpt", "Init", "Tmpfs",
    ),
}


def _for_comparison(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an inspection that xnai.facts.configuration compares."""
    networks = (entry.get("NetworkSettings") or {}).get("Networks") or {}
    return {
        **{part: {name: entry[part].get(name) for name in names}
           for part, names in _COMPARED.items()},
        "BoundingCaps": entry.get("BoundingCaps"),
        "Mounts": [
            {name: one.get(name) for name in ("Type", "Name", "Source", "Destination", "RW")}
            for one in entry.get("Mounts") or []
        ],
        "NetworkSettings": {"Networks": {name: {} for name in networks}},
    }


def _secrets(account: Login, masked: Masked, wanted: Sequence[str]) -> Any:
    """The secrets' names and IDs; their values go to `masked` alone."""
    said = run(["podman", "secret", "ls", "--format", "{{.Name}}"], _CALL_S, account=account)
    if said.code != 0:
        return {"error": said.error or "no answer"}
    names = [name for name in dict.fromkeys([*said.text.split(), *wanted]) if name]
    if not names:
        return []
    found = podman(account, "secret", "inspect", "--showsecret", *names)
    if isinstance(found, dict):
        return found
    for one in found or ():
        masked.add(one["Spec"]["Name"], one.get("SecretData") or "")
    return [{"name": one["Spec"]["Name"], "id": one["ID"]} for one in found or ()]


def _from_file(account: Login, masked: Masked) -> None:
    """Learn the values where Podman does not answer, from its file driver's file, as that user."""
    path = f"{account.home}/{_STORE}/secrets/filedriver/secretsdata.json"
    code = 'test -f "$1" && test ! -L "$1" && exec head -c 1048576 -- "$1"'
    said = run(["sh", "-c", code, "sh", path], account=account)
    try:
        values = json.loads(said.text) if said.code == 0 else {}
    except ValueError:
        return
    for name, value in values.items():
        masked.add(name[:12], base64.b64decode(value).decode("utf-8", "replace"))


def _units(account: Login) -> Any:
    words = ["systemctl", "--user", "list-units", "--state=failed", "--plain", "--no-legend",
             "--full"]
    said = run(words, account=account)
    if said.code != 0:
        return {"error": said.error or "no answer"}
    return [line.split()[0].lstrip("●") for line in said.text.splitlines() if line.strip()]


def _mask_environment(container: dict[str, Any], masked: Masked) -> None:
    """Learn secrets that a project has in its environment or on its command line."""
    for item in container["env"]:
        name, _, value = item.partition("=")
        # Podman 5.4.2 shows a secret that is a variable as NAME=*******, and NAME is the secret's
        # own: that must not stand for its value.
        if SECRET_NAME.search(name) and value.strip("*") and not value.startswith("/"):
            masked.add(name, value)
    words = container["command"]
    for option, value in itertools.pairwise(words):
        if option in ("--requirepass", "-a", "--password"):
            masked.add(option, value)


def cgroup(path: str) -> dict[str, Any]:
    """Return a container's live values of memory, processes and processor time."""
    where = f"/sys/fs/cgroup{path}"
    if not path or ".." in path or not Path(where).is_dir():
        return {}
    inner = f"{where}/container"
    found: dict[str, Any] = {
        name: first_line(f"{where}/{name}") for name in (
            "memory.current", "memory.max", "memory.peak", "memory.swap.current",
            "memory.swap.max", "pids.current", "pids.max",
        )
    }
    for name in ("memory.events", "pids.events", "cpu.stat"):
        text = plain(f"{inner}/{name}") if Path(f"{inner}/{name}").exists() else None
        for line in (text or plain(f"{where}/{name}") or "").splitlines():
            key, _, value = line.partition(" ")
            found[f"{name}:{key}"] = value
    return found


def owners(mounts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return owner and mode of what is mounted, by the host's numbers, and of what is in there."""
    found = []
    for mount in mounts:
        try:
            state = os.lstat(mount["source"])
        except OSError as error:
            found.append({**mount, "missing": error.strerror})
            continue
        inside = []
        try:
            with os.scandir(mount["source"]) as entries:
                for entry, _ in zip(entries, range(40), strict=False):
                    one = entry.stat(follow_symlinks=False)
                    inside.append([entry.name, one.st_uid, one.st_gid, one.st_mode & 0o7777])
        except OSError:
            pass
        found.append({
            **mount, "uid": state.st_uid, "gid": state.st_gid, "mode": state.st_mode & 0o7777,
            "inside": inside,
        })
    return found
