"""A real proxy that wants a password, and behind it what wants another: registry, index, mirror."""

from __future__ import annotations

import base64
import contextlib
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from xnai.lab.apt import AptRoot, mirror
from xnai.lab.paths import cache_dir
from xnai.lab.waiting import until

USER = "anna"
# Of the signs that tinyproxy 1.11 reads; those that a URL must write otherwise have a unit test.
PROXY_PASSWORD = "pr0xy.pass_word-1"  # noqa: S105
GATE_PASSWORD = "g4te/pa+ss=2"  # noqa: S105


def tinyproxy() -> Path:
    """Return Debian's tinyproxy, unpacked in the lab's cache."""
    home = cache_dir() / "tinyproxy"
    program = home / "files" / "usr" / "bin" / "tinyproxy"
    if not program.exists():
        home.mkdir(parents=True, exist_ok=True)
        debian = AptRoot(home / "apt", {"bookworm": mirror()}, home / "log")
        debian.update()
        version = debian.versions("tinyproxy-bin")["tinyproxy-bin"]
        deb = debian.download("tinyproxy-bin", version)
        subprocess.run(["dpkg-deb", "-x", deb, home / "new"], check=True)
        (home / "new").rename(home / "files")
    return program


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs.

    Attributes:
        port: on this host's loopback.
        log: its log.
        gate_log: what reached the hosts behind it: method and address.
    """

    port: int
    log: Path
    gate_log: list[str]


def _gate(upstreams: Mapping[str, str], seen: list[str]) -> ThreadingHTTPServer:
    """A server for the hosts behind the proxy; each asks for a password and hands on."""
    wanted = "Basic " + base64.b64encode(f"{USER}:{GATE_PASSWORD}".encode()).decode()

    class Gate(BaseHTTPRequestHandler):
        def answer(self) -> None:
            parts = urlsplit(self.path)
            upstream = upstreams.get(parts.hostname or "")
            if upstream is None:
                self.send_error(403)
                return
            if self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="lab"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            seen.append(f"{self.command} {parts.hostname}{parts.path}")
            query = f"?{parts.query}" if parts.query else ""
            request = urllib.request.Request(  # noqa: S310
                f"{upstream}{parts.path}{query}", method=self.command,
                headers={"Accept": self.headers.get("Accept", "*/*")},
            )
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                    self.hand_on(answer)
            except urllib.error.HTTPError as error:
                self.hand_on(error)

        def hand_on(self, answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in ("transfer-encoding", "connection", "location"):
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                shutil.copyfileobj(answer, self.wfile)

        do_GET = do_HEAD = answer

        def log_message(self, *_words) -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Gate)


@contextlib.contextmanager
def running(place: Path, upstreams: Mapping[str, str]) -> Iterator[Proxy]:
    """Run the proxy, and the hosts behind it.

    Args:
        place: an empty folder for configuration and log.
        upstreams: name of a host ending in .lab -> the address that it stands for.
    """
    seen: list[str] = []
    gate = _gate(upstreams, seen)
    threading.Thread(target=gate.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log, configuration = place / "tinyproxy.log", place / "tinyproxy.conf"
    configuration.write_text(
        f'Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 120\nLogFile "{log}"\n'
        f"BasicAuth {USER} {PROXY_PASSWORD}\nConnectPort 443\n"
        f'upstream http 127.0.0.1:{gate.server_address[1]} ".lab"\n'
    )
    process = subprocess.Popen([tinyproxy(), "-d", "-c", configuration], stdout=subprocess.DEVNULL)
    try:
        def answers() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return True
            return False

        assert until(answers, timeout_s=20), log.read_text()
        yield Proxy(port, log, seen)
    finally:
        process.terminate()
        process.wait(timeout=20)
        gate.shutdown()
