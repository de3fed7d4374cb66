"""Keys and files by which ssh, pyinfra and testinfra reach a machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from xnai.lab.spec import Config

USER_KEY = "id_ed25519"
HOST_KEY = "host_ed25519"


def make_keys(directory: Path, name: str) -> None:
    """Make the machine's host key and the one key that may log in.

    Args:
        directory: the machine's folder.
        name: put into the keys' comments.
    """
    for key in (USER_KEY, HOST_KEY):
        (directory / key).unlink(missing_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab-{name}", "-f", key],
            cwd=directory,
            check=True,
        )


def known_hosts(port: int, public_key: str) -> str:
    """One line of a known_hosts file.

    Args:
        port: the port on 127.0.0.1.
        public_key: the host's public key, type first.

    Returns:
        The line with its newline.
    """
    kind, key = public_key.split()[:2]
    return f"[127.0.0.1]:{port} {kind} {key}\n"


def ssh_config(config: Config, directory: Path) -> str:
    """An ssh_config that knows this machine alone, strict about its host key.

    Args:
        config: the machine.
        directory: its folder.

    Returns:
        The file's text.
    """
    lines = (
        f"Host {config.host_name}",
        "HostName 127.0.0.1",
        f"Port {config.ssh_port}",
        "User root",
        f'IdentityFile "{directory / USER_KEY}"',
        "IdentitiesOnly yes",
        f'UserKnownHostsFile "{directory / "known_hosts"}"',
        "GlobalKnownHostsFile /dev/null",
        "StrictHostKeyChecking yes",
        "UpdateHostKeys no",
        "BatchMode yes",
        "ConnectTimeout 10",
        "ServerAliveInterval 15",
        "LogLevel ERROR",
    )
    return "\n    ".join(lines) + "\n"


def hosts_file(config: Config, directory: Path) -> str:
    """A Python file that pyinfra takes as an inventory (group ``lab``).

    Args:
        config: the machine.
        directory: its folder.

    Returns:
        The file's text.
    """
    data = {
        "ssh_hostname": "127.0.0.1",
        "ssh_port": config.ssh_port,
        "ssh_user": "root",
        "ssh_key": str(directory / USER_KEY),
        "ssh_known_hosts_file": str(directory / "known_hosts"),
        "ssh_strict_host_key_checking": "yes",
        # pyinfra reads ~/.ssh/config otherwise, which may say anything about 127.0.0.1.
        "ssh_config_file": str(directory / "ssh_config"),
    }
    body = "".join(f"            {key!r}: {value!r},\n" for key, value in data.items())
    return (
        f"# Written by `xnai lab` for the machine {config.name}; changes are lost.\n"
        f"lab = [\n    (\n        {config.host_name!r},\n        {{\n{body}        }},\n    )\n]\n"
    )


def write_files(config: Config, directory: Path) -> None:
    """Write known_hosts, ssh_config and hosts.py into the machine's folder.

    Args:
        config: the machine.
        directory: its folder, with the keys in it.
    """
    public = (directory / f"{HOST_KEY}.pub").read_text()
    (directory / "known_hosts").write_text(known_hosts(config.ssh_port, public))
    (directory / "ssh_config").write_text(ssh_config(config, directory))
    (directory / "hosts.py").write_text(hosts_file(config, directory))
