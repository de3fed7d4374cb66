"""A deployed machine is used again only while it is what a deploy would make."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from xnai.lab import bases, create, debian, machine, paths
from xnai.lab.errors import LabError
from xnai.lab.guest import CONFIG as MACHINE_CONFIG
from xnai.lab.guest import Machine
from xnai.lab.progress import Silent
from xnai.lab.spec import Config, MachineSpec

CONFIG = Config("first", "trixie", 4096, 2, 16, "uml", 22207)
SPEC = MachineSpec("first")


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(debian, "state", lambda release: {release: "of today"})


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose guest answers what `keep` asks."""
    one = Machine(CONFIG, tmp_path / "first")
    one.directory.mkdir()
    one.disk.write_bytes(b"deployed" * 512)

    @contextmanager
    def frozen(_: Machine):  # type: ignore[no-untyped-def]
        yield

    monkeypatch.setattr(Machine, "frozen", frozen)
    monkeypatch.setattr(
        Machine, "run", lambda *_, **__: CompletedProcess([], 0, "bash 5.2\nsed 4.9\n", "")
    )
    return one


def stands_on(base: Path, name: str = "copy") -> None:
    """A machine that records changes of a base."""
    folder = paths.machines_dir() / name
    folder.mkdir(parents=True)
    replace(CONFIG, name=name, base=str(base / "disk.ext4")).save(folder / MACHINE_CONFIG)


def test_what_was_kept_is_found_and_read_only(deployed: Machine) -> None:
    base = bases.keep(deployed, "k1", Silent())
    assert bases.find("k1", Silent()) == bases.FoundBase(base)
    assert (base / "disk.ext4").read_bytes() == deployed.disk.read_bytes()
    assert (base / "disk.ext4").stat().st_mode & 0o777 == 0o444
    assert bases.find("k2", Silent()).directory is None


def changed(base: Path) -> None:
    (base / "disk.ext4").chmod(0o644)
    (base / "disk.ext4").write_bytes(b"x")
    (base / "disk.ext4").chmod(0o444)


@pytest.mark.parametrize(
    "damage",
    [
        changed,
        lambda base: (base / "disk.ext4").unlink(),
        lambda base: (base / "disk.ext4").chmod(0o644),
        lambda base: (base / bases.RECORD).unlink(),
        lambda base: (base / bases.RECORD).write_text("{"),
        lambda base: (base / "snapshot.json").unlink(),
    ],
    ids=["disk changed", "disk gone", "writable", "no record", "half a record", "no config"],
)
def test_a_damaged_base_is_not_used_and_made_again(
    deployed: Machine, damage: Callable[[Path], object]
) -> None:
    base = bases.keep(deployed, "k1", Silent())
    damage(base)
    found = bases.find("k1", Silent())
    assert found.directory is None and found.why
    assert bases.find("k1", Silent()).directory is None
    again = bases.keep(deployed, "k1", Silent())
    assert again != base
    assert bases.find("k1", Silent()).directory == again


def test_half_a_copy_is_no_base(deployed: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(bases.disk, "copy_sparse", killed)
        with pytest.raises(KeyboardInterrupt):
            bases.keep(deployed, "k1", Silent())
    assert bases.find("k1", Silent()).directory is None
    assert not bases.any_kept()
    assert list(bases.directory().glob(".*.part")) == []
    assert bases.keep(deployed, "k1", Silent()).name == "k1.1"


def test_newer_packages_in_debian_make_a_base_old(
    deployed: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = bases.keep(deployed, "k1", Silent())
    asked: list[dict[str, str]] = []

    def offered(release: str, installed: dict[str, str], work: Path) -> list[str]:
        asked.append(installed)
        return newer

    newer = ["bash"]
    monkeypatch.setattr(debian, "outdated", offered)
    monkeypatch.setattr(debian, "state", lambda release: {release: "of tomorrow"})
    assert bases.find("k1", Silent()) == bases.FoundBase(
        None, "Debian has 1 newer packages, such as bash"
    )
    assert asked == [{"bash": "5.2", "sed": "4.9"}]
    # Where the mirror cannot be trusted or breaks off, what is there is used.
    def broken(*_: object) -> list[str]:
        raise LabError("no signature")

    with monkeypatch.context() as patched:
        patched.setattr(debian, "outdated", broken)
        assert bases.find("k1", Silent()).directory == base
    # News of other packages are looked at once.
    newer = []
    assert bases.find("k1", Silent()).directory == base
    assert bases.find("k1", Silent()).directory == base
    assert len(asked) == 2


def test_without_an_answer_of_debian_a_base_is_used(
    deployed: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = bases.keep(deployed, "k1", Silent())
    monkeypatch.setattr(debian, "state", lambda release: None)
    assert bases.find("k1", Silent()).directory == base


def test_old_bases_go_but_not_from_under_a_machine(deployed: Machine) -> None:
    first = bases.keep(deployed, "k1", Silent())
    stands_on(first)
    for number in range(2, 6):
        deployed.disk.write_bytes(b"%d" % number)
        bases.keep(deployed, f"k{number}", Silent())
    kept = sorted(path.parent.name for path in bases.directory().glob(f"*/{bases.RECORD}"))
    assert kept == ["k1.1", "k4.1", "k5.1"]


def test_a_base_under_a_machine_stays_when_another_is_made(deployed: Machine) -> None:
    first = bases.keep(deployed, "k1", Silent())
    stands_on(first)
    deployed.disk.write_bytes(b"another deploy")
    second = bases.keep(deployed, "k1", Silent())
    assert bases.find("k1", Silent()).directory == second
    assert (first / "disk.ext4").read_bytes() == b"deployed" * 512


def test_packages_of_the_bare_image_do_not_count(
    deployed: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bases.image, "packages", lambda *_, **__: frozenset({"bash"}))
    assert bases.installed(deployed) == {"sed": "4.9"}


def test_a_copy_of_a_read_only_base_can_be_written(
    deployed: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where the disk is copied whole, as QEMU's is, by a user who may not write what is read-only.
    base = bases.keep(deployed, "k1", Silent())
    made: list[int] = []
    monkeypatch.setattr(create, "check_host", lambda *_: None)
    monkeypatch.setattr(create, "choose", lambda *_: Whole())
    monkeypatch.setattr(
        create.disk, "grow", lambda path, *_: made.append(path.stat().st_mode & 0o777)
    )
    one = create.make(replace(SPEC, name="copy").on(base), Silent())
    assert made == [0o600]
    assert one.disk.read_bytes() == deployed.disk.read_bytes()
    assert one.config.base == ""


class Whole:
    """A backend that copies disks whole, and needs nothing else."""

    name = "kvm"
    needs_kernel_on_disk = copies_on_write = False

    def build(self, *_: object, **__: object) -> None:
        """Build nothing."""

    def prepare(self, *_: object) -> list[object]:
        """Put nothing into the guest."""
        return []


@pytest.mark.parametrize(
    "path",
    ["deploy.py", "uv.lock", "tasks/memory.py", "templates/memory/sysctl.conf.j2",
     "group_data/all.py", "files/services/docs/mkdocs.yml", "xnai/lab/group_data/lab.py",
     "xnai/settings/model.py", "xnai/lab/rootfs/etc/fstab"],
)
def test_what_reaches_a_machine_is_part_of_the_key(path: str) -> None:
    parts = bases.reaching(SPEC, "uml")
    assert parts[path] == (bases.ROOT / path).read_bytes()


def test_what_does_not_reach_it_is_not() -> None:
    parts = bases.reaching(SPEC, "uml")
    assert not [name for name in parts if name.startswith(("tests/", "docs/", "xnai/audit/"))]
    assert not [name for name in parts if "/tests/" in name or "__pycache__" in name]


@pytest.mark.parametrize(
    "other",
    [replace(SPEC, memory_mib=2048), replace(SPEC, cpus=2), replace(SPEC, disk_gib=32)],
)
def test_another_machine_has_another_key(other: MachineSpec) -> None:
    assert bases.key(other, "uml") != bases.key(SPEC, "uml")
    assert bases.key(SPEC, "kvm") != bases.key(SPEC, "uml")


def test_what_git_tracks_and_what_may_be_executed_are_part_of_it(tmp_path: Path) -> None:
    parts = bases.reaching(SPEC, "uml")
    assert b"files/services/docs/mkdocs.yml\n" in parts["tracked"]  # type: ignore[operator]
    assert parts["deploy.py"]
    assert parts["tasks/memory.py may be executed"] == "False"


def test_the_name_of_the_machine_is_no_part_of_the_key() -> None:
    assert bases.key(replace(SPEC, name="try"), "uml") == bases.key(SPEC, "uml")


def test_a_snapshot_of_a_copy_keeps_what_it_stands_on(deployed: Machine, tmp_path: Path) -> None:
    base = bases.keep(deployed, "k1", Silent())
    stands_on(base)
    copy = machine.find("copy")
    copy.disk.write_bytes(b"what differs")
    from xnai.lab import snapshots

    snapshots.take("shot", copy.config, copy.directory, Silent())
    found = snapshots.find("shot")
    assert found.disk.read_bytes() == b"what differs"
    assert found.config.base == str(base / "disk.ext4")


def test_the_record_is_what_people_may_read(deployed: Machine) -> None:
    base = bases.keep(deployed, "k1", Silent())
    record = json.loads((base / bases.RECORD).read_text())
    assert record["packages"] == {"bash": "5.2", "sed": "4.9"}
    assert record["debian"] == {"trixie": "of today"}
