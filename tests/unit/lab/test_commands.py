"""Command lines and generated files, as literal text where it matters."""

from __future__ import annotations

import ast
import json
import tarfile
from dataclasses import replace
from pathlib import Path

from xnai.lab import access, apt, bootstrap, disk, registry, ssh
from xnai.lab.backends import probe, qemu, uml
from xnai.lab.spec import Config

CONFIG = Config("t1", "trixie", 1024, 2, 16, "uml", 22207)
HERE = Path("/m/t1")


def test_uml_command_line() -> None:
    assert uml.command(HERE, CONFIG) == [
        "/m/t1/linux",
        "mem=1024M",
        "umid=t1",
        "uml_dir=/m/t1/uml",
        "ubd0=/m/t1/disk.ext4",
        "root=/dev/ubda",
        "rw",
        "con0=null,fd:1",
        "con=null",
        "ssl=null",
        "net.ifnames=0",
        "vec0:transport=vde,vnl=udp://127.0.0.1:32207->127.0.0.1:32407",
        "ncpus=2",
        "seccomp=on",
    ]


def test_a_machine_has_its_identity_on_a_second_disk(tmp_path: Path) -> None:
    words = [*uml.command(tmp_path, CONFIG), *qemu.Qemu("tcg").launch(tmp_path, CONFIG).argv]
    assert not [word for word in words if "identity" in word]
    # Older versions wrote name and keys into the first disk: their machines have no second one.
    (tmp_path / "identity.tar").touch()
    assert f"ubd1r={tmp_path}/identity.tar" in uml.command(tmp_path, CONFIG)
    argv = qemu.Qemu("tcg").launch(tmp_path, CONFIG).argv
    assert argv[-1] == "file=identity.tar,if=virtio,format=raw,readonly=on"


def test_uml_records_what_differs_from_a_base() -> None:
    words = uml.command(HERE, replace(CONFIG, base="/c/base/disk.ext4"))
    assert "ubd0=/m/t1/disk.cow,/c/base/disk.ext4" in words


def test_uml_network_process_is_the_other_end_of_the_cable() -> None:
    launch = uml.Uml().helpers(HERE, CONFIG)["net"]
    assert launch.argv == [
        "vde_plug",
        "udp://127.0.0.1:32407->127.0.0.1:32207",
        "slirp:///tcpfwd=127.0.0.1:22207:10.0.2.15:22",
    ]


def test_qemu_listens_on_loopback_only() -> None:
    words = qemu.command("tcg", CONFIG)
    assert "user,id=user0,hostfwd=tcp:127.0.0.1:22207-10.0.2.15:22" in words
    assert words[words.index("-cpu") + 1] == "qemu64"
    assert qemu.command("kvm", CONFIG)[4] == "host"


def test_boot_sector_is_one() -> None:
    sector = probe.boot_sector()
    assert len(sector) == 512
    assert sector.endswith(b"\x55\xaa")


def test_known_hosts_names_address_and_port() -> None:
    line = access.known_hosts(22207, "ssh-ed25519 AAAA lab-t1\n")
    assert line == "[127.0.0.1]:22207 ssh-ed25519 AAAA\n"


def test_hosts_file_is_an_inventory_with_strict_host_keys() -> None:
    tree = ast.parse(access.hosts_file(CONFIG, HERE))
    assert isinstance(tree.body[0], ast.Assign)
    ((name, data),) = ast.literal_eval(tree.body[0].value)
    assert name == "lab-t1"
    assert data["ssh_port"] == 22207
    assert data["ssh_strict_host_key_checking"] == "yes"
    assert data["ssh_key"] == "/m/t1/id_ed25519"


def test_ssh_config_is_strict_and_its_own() -> None:
    text = access.ssh_config(CONFIG, HERE)
    assert text.startswith("Host lab-t1\n    HostName 127.0.0.1\n")
    assert "    StrictHostKeyChecking yes\n" in text
    assert "    GlobalKnownHostsFile /dev/null\n" in text


def test_ssh_words() -> None:
    assert ssh.argv(HERE, "lab-t1", "id -u") == [
        "ssh",
        "-F",
        "/m/t1/ssh_config",
        "lab-t1",
        "--",
        "id -u",
    ]
    assert ssh.argv(HERE, "lab-t1", None, tty=True) == [
        "ssh",
        "-F",
        "/m/t1/ssh_config",
        "-t",
        "lab-t1",
    ]


def test_the_identity_is_a_tar_of_roots_files(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA\n")
    files = [
        disk.GuestFile("/root/.ssh", None, 0o700),
        disk.GuestFile("/root/.ssh/authorized_keys", tmp_path / "key.pub", 0o600),
    ]
    disk.write_identity(tmp_path / "identity.tar", files)
    assert (tmp_path / "identity.tar").stat().st_mode & 0o777 == 0o600
    # A disk has whole sectors.
    assert (tmp_path / "identity.tar").stat().st_size % 512 == 0
    with tarfile.open(tmp_path / "identity.tar") as tar:
        found = [(m.name, oct(m.mode), m.isdir(), m.uid, m.gid) for m in tar]
        (content,) = [tar.extractfile(m).read() for m in tar if m.isfile()]  # type: ignore[union-attr]
    assert found == [
        ("root/.ssh", "0o700", True, 0, 0), ("root/.ssh/authorized_keys", "0o600", False, 0, 0),
    ]
    assert content == b"ssh-ed25519 AAAA\n"


def test_mmdebstrap_mode_follows_the_user() -> None:
    assert bootstrap.mode(0) == "root"
    assert bootstrap.mode(1000) == "unshare"


def test_mmdebstrap_command_names_keyring_and_sources() -> None:
    argv = bootstrap.command("trixie", "/t.tar", packages=("a", "b"), hooks=("h",))
    assert "--include=a,b" in argv
    assert "--customize-hook=h" in argv
    assert argv[-3:] == ["trixie", "/t.tar", f"deb {apt.mirror()} trixie main"]
    assert f"--keyring={apt.KEYRING}" in argv


def test_registry_listens_on_loopback_only() -> None:
    text = registry.config_text(22400, Path("/s"))
    assert json.loads(text)["http"] == {"addr": "127.0.0.1:22400"}


def test_versions_are_read_from_the_list_of_packages() -> None:
    text = "Package: linux-source-7.2\nVersion: 7.2.2-1\n\nPackage: other\nVersion: 1\n\n"
    assert apt.parse_versions(text, r"linux-source-\d+\.\d+") == {"linux-source-7.2": "7.2.2-1"}
