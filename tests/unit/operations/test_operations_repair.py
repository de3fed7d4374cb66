"""The safe remedies as commands; none removes data, widens a permission or publishes a port."""

from __future__ import annotations

import os
import subprocess

import pytest
from operation_runs import commands, on_a_host
from pyinfra.api.exceptions import OperationError
from unit_settings import make

from xnai.operations import repair
from xnai.stack.catalogue import services

DIRECTORY = "/var/lib/xnai/xnai/stack"
TEXTS = {
    "docker-compose.yml": """\
name: xnai
services:
  redis: {container_name: xnai_redis, x-xnai: {run_arguments: [--stop-timeout=75]}}
  docs: {container_name: xnai_docs, x-xnai: {run_arguments: []}}
""",
}


def told(operation, /, **arguments) -> str:
    with on_a_host(executing=False):
        text = "\n".join(map(str, commands(operation, **arguments)))
    # A program of root's is written beside its place.
    plain = text.replace("rm -rf /var/lib/xnai/xnai/backup/role-password-", "")
    plain = plain.replace("chmod 0600 ", "")
    for word in ("volume rm", "chmod", "rm -rf", "--publish", "--volumes"):
        assert word not in plain, word
    return text


def test_repair_volume_owner():
    text = told(repair.volume_owner, path="/v/a b", owner="999:999", save="xnai_redis")
    assert "unshare sh -c" in text and "chown -h 999:999" in text and "/v/a b" in text
    assert "redis-cli bgsave" in text and "-a " not in text
    assert "bgsave" not in told(repair.volume_owner, path="/v", owner="1:2", save="")


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_only_what_belongs_to_others_is_handed_over(tmp_path, shell):
    """The shell code is really run, over files of its own, with a chown that writes down."""
    (tmp_path / "bin").mkdir()
    podman = tmp_path / "xnai-podman"
    podman.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    (tmp_path / "bin/chown").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {tmp_path}/told\n')
    for file in (podman, tmp_path / "bin/chown"):
        file.chmod(0o755)
    volume = tmp_path / "volume"
    (volume / "in").mkdir(parents=True)
    (volume / "link").symlink_to("/etc/passwd")
    with on_a_host(executing=False):
        (command,) = commands(repair.volume_owner, path=str(volume), owner="4242:4242", save="")
    inner = str(command).replace("/usr/local/bin/xnai-podman", str(podman)).replace(
        "/run/xnai", str(tmp_path / "run")
    )
    subprocess.run(
        [shell, "-c", inner], check=True,
        env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
    )
    said = (tmp_path / "told").read_text().splitlines()
    assert said[:2] == ["-h", "4242:4242"]
    assert sorted(said[2:]) == sorted(str(one) for one in (volume, volume / "in", volume / "link"))


def test_repair_recreate(monkeypatch):
    monkeypatch.setattr(repair, "wait_until_healthy", lambda *words: None)
    text = told(
        repair.recreate, directory=DIRECTORY, texts=TEXTS, containers=["xnai_redis", "xnai_docs"],
        read=lambda name, url: {}, timeout_s=5,
    )
    assert "rm --force --ignore --time 75 xnai_docs xnai_redis" in text
    assert text.index("--no-deps redis") < text.index("--no-deps docs")


def test_what_no_healthy_generation_has_cannot_be_recreated():
    with on_a_host(), pytest.raises(OperationError, match="no healthy generation"):
        list(repair.recreate._inner(
            directory=DIRECTORY, texts=TEXTS, containers=["xnai_llm"], read=lambda *_: {},
            timeout_s=5,
        ))


def test_repair_files():
    text = told(repair.files, directory=DIRECTORY, names=["docker-compose.yml"])
    assert f"cp {DIRECTORY}/good/*.yml ." in text


def test_repair_networks():
    text = told(repair.networks, stack_name="xnai", wanted={"xnai": False, "xnai_data": True})
    assert "network create --ignore --label=io.xnai.stack=xnai xnai" in text
    assert "--internal xnai_data" in text


def test_repair_restart():
    assert "restart xnai_docs" in told(repair.restart, containers=["xnai_docs"])


def test_repair_reload_networks():
    assert "network reload a b" in told(repair.reload_networks, containers=["a", "b"])


def test_repair_role_password():
    database = next(one for one in services(make()) if one.store == "postgresql")
    text = told(repair.role_password, database=database, home="/var/lib/xnai/xnai/backup")
    assert "role-password-" in text and "ALTER" not in text


def test_repair_image_space():
    text = told(repair.image_space, stack_name="xnai")
    assert "image prune --force --filter label=io.xnai.stack=xnai" in text
    assert "--all" not in text


def test_repair_verified():
    asked = []
    with on_a_host(executing=True):
        assert list(repair.verified._inner(check=lambda: asked.append(1))) == []
    with on_a_host(executing=False):
        list(repair.verified._inner(check=lambda: asked.append(2)))
    assert asked == [1]
