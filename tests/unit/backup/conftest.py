"""A served health page, and a machine with a stack that runs."""

from __future__ import annotations

import http.server
import threading

import backup_machine
import pytest
from backup_machine import PODMAN, SPEC, Vikunja

from xnai.programs.backup import podman as backup_podman
from xnai.programs.backup import run as backup_run
from xnai.programs.backup import safe_path


@pytest.fixture(scope="session", autouse=True)
def served():
    """A server where the stack's Vikunja is expected."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vikunja) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        backup_machine.ready_urls[:] = [f"http://127.0.0.1:{server.server_port}/health"]
        yield
        server.shutdown()


@pytest.fixture
def machine(tmp_path, monkeypatch, own_process):
    """A directory with the script and a stack that runs; pytest's own are open to all."""
    monkeypatch.setattr(backup_podman, "_POLL_S", 0.02)
    for module in (backup_run, safe_path):
        monkeypatch.setattr(module, "require_safe_directory", lambda directory, setting: None)
    podman = tmp_path / "podman"
    podman.write_text(PODMAN)
    podman.chmod(0o755)
    for folder in ("states", "volumes", "secrets", "backup"):
        (tmp_path / folder).mkdir()
    for part in SPEC.parts:
        (tmp_path / "states" / part.container).write_text("running\n")
        for volume in part.volumes:
            (tmp_path / "volumes" / volume).mkdir(exist_ok=True)
            (tmp_path / "volumes" / volume / "file").write_text(f"of {volume}")
    for name in SPEC.secrets:
        (tmp_path / "secrets" / name).write_text(f"value-{name}")
    (tmp_path / "redis_version").write_text("8.0.2")
    (tmp_path / "database").write_text("PGDMP rows")
    return tmp_path


@pytest.fixture
def passphrase(machine):
    """A file with the passphrase of a backup."""
    key = machine / "passphrase"
    key.write_text("correct horse\n")
    return key
