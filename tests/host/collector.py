"""Runs on the checked host, once a module: reads what it is asked for and prints it as JSON.

A login and a process for each question would make the checks of a slow machine take minutes.
"""

import base64
import grp
import http.client
import json
import pwd
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Each command's; podman's own are far below.
TIMEOUT_S = 60
# Most questions wait for another process; more at once than that only take turns.
AT_ONCE = 4


def name_of(get, number):
    """The name of a user or group, or its number where it has none."""
    try:
        return get(number)[0]
    except KeyError:
        return str(number)


def file(path, content_too=True):
    """What a path is; None where there is nothing."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    content = None
    if content_too and stat.S_ISREG(found.st_mode):
        try:
            content = base64.b64encode(Path(path).read_bytes()).decode()
        except OSError as error:
            content = f"!{error}"
    return {
        "mode": stat.S_IMODE(found.st_mode),
        "user": name_of(pwd.getpwuid, found.st_uid), "uid": found.st_uid,
        "group": name_of(grp.getgrgid, found.st_gid), "gid": found.st_gid,
        "content": content,
    }


def command(text):
    """A shell command's exit code and output."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", text], capture_output=True, timeout=TIMEOUT_S, check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return {"code": 124, "out": "", "err": f"no end within {TIMEOUT_S} s"}
    return {
        "code": done.returncode, "out": done.stdout.decode(errors="replace"),
        "err": done.stderr.decode(errors="replace"),
    }


def asked(request):
    """The status and the body that a published port answers with."""
    port, method, path, headers, body = request
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return [answer.status, answer.read().decode(errors="replace")]
    except (OSError, http.client.HTTPException) as error:
        return [0, str(error)]
    finally:
        connection.close()


def reachable(place):
    """Whether something takes a connection at (address, port)."""
    try:
        socket.create_connection(place, 2).close()
    except OSError:
        return False
    return True


def process(pid):
    """Who a process is, in the host's numbers; None where it has ended."""
    try:
        here = Path("/proc", pid)
        status = dict(
            line.split(":\t", 1) for line in (here / "status").read_text().splitlines()
            if ":\t" in line
        )
        return {
            "pid": int(pid), "name": status["Name"], "uids": list(map(int, status["Uid"].split())),
            "cgroup": (here / "cgroup").read_text().strip().split("::")[-1],
            **{
                name: [list(map(int, line.split()))
                       for line in (here / name).read_text().splitlines()]
                for name in ("uid_map", "gid_map")
            },
            "oom_score_adj": int((here / "oom_score_adj").read_text()),
        }
    except (OSError, ValueError):
        return None


def main():
    """Answer every question of the one argument."""
    wanted = json.loads(sys.argv[1])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        commands = pool.map(command, wanted["commands"].values())
        requests = pool.map(asked, wanted["requests"].values())
        places = [tuple(place) for place in wanted["places"]]
        taken = pool.map(reachable, places)
        found = {
            "files": {path: file(path) for path in wanted["files"]}
            | {path: file(path, content_too=False) for path in wanted["owners"]},
            "processes": [p for entry in Path("/proc").iterdir()
                          if entry.name.isdigit() and (p := process(entry.name))]
            if wanted["processes"] else [],
            "commands": dict(zip(wanted["commands"], commands, strict=True)),
            "requests": dict(zip(wanted["requests"], requests, strict=True)),
            "places": [place for place, yes in zip(places, taken, strict=True) if yes],
        }
    json.dump(found, sys.stdout)


main()
