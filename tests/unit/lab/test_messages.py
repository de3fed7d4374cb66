"""What cannot work is said before anything is started: what, found, needed, what to do."""

from __future__ import annotations

import io
import re
import socket
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from xnai.lab import checks, deps
from xnai.lab.backends.qemu import Qemu
from xnai.lab.cli import lab
from xnai.lab.errors import LabError
from xnai.lab.progress import Lines
from xnai.lab.spec import MachineSpec


def test_parts_without_a_value_are_left_out() -> None:
    assert str(LabError("no", todo="yes")) == "no\n  to do:  yes"


def test_memory_of_the_host() -> None:
    checks.memory(4096, 8000, 4096)
    with pytest.raises(LabError, match="4096 MiB for the guest and 512 MiB for the host"):
        checks.memory(4096, 4500, None)
    with pytest.raises(LabError, match="64 MiB free in /dev/shm"):
        checks.memory(4096, 8000, 64)


def test_disk_of_the_host() -> None:
    checks.disk(6144, 6144, Path("/d"))
    with pytest.raises(LabError, match="100 MiB free in /d"):
        checks.disk(100, 6144, Path("/d"))


def test_meminfo() -> None:
    assert checks.meminfo_mib("MemTotal: 2048 kB\nMemAvailable:   1024 kB\n", "MemAvailable") == 1
    with pytest.raises(LabError) as caught:
        checks.meminfo_mib("", "MemAvailable")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (MachineSpec("Try"), "a small letter"),
        (MachineSpec("a/b"), "a small letter"),
        (MachineSpec("a", memory_mib=100), "512 to 65536"),
        (MachineSpec("a", cpus=9), "1 to 8"),
        (MachineSpec("a", disk_gib=1), "4 to 512"),
        (MachineSpec("a", backend="xen"), "auto, kvm, uml, tcg"),
    ],
)
def test_values_out_of_range(spec: MachineSpec, message: str) -> None:
    with pytest.raises(LabError, match=message):
        spec.check()


def test_a_taken_port_is_named_and_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        port = next(p for p in range(25000, 26000) if not checks.taken_ports(p))
        holder.bind(("127.0.0.1", port))
        holder.listen()
        with pytest.raises(LabError, match=f"tcp/{port}"):
            checks.require_ports(port)
        monkeypatch.setattr(checks, "PORTS", range(port, port + 1))
        with pytest.raises(LabError, match="no port is free"):
            checks.choose_port([])


def test_a_missing_program_is_named_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deps, "missing_tools", lambda tools: ["mmdebstrap", "resize2fs"])
    assert {"mmdebstrap", "e2fsprogs"} <= set(deps.missing([], registry=False, uid=0))
    with pytest.raises(LabError, match="xnai lab deps --install"):
        deps.require(Qemu("tcg"))


def test_only_users_without_root_need_fakeroot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deps, "missing_tools", list)
    assert "fakeroot" not in deps.missing([], registry=False, uid=0)
    assert "fakeroot" in deps.missing([], registry=False, uid=1000)


def programs(directory: Path, *names: str) -> str:
    """A PATH with programs of these names and no others."""
    for name in names:
        (directory / name).touch(0o755)
    return str(directory)


@pytest.mark.parametrize(
    ("there", "lacking"),
    [
        ((), {"chromium", "chromium-driver"}),
        (("chromium",), {"chromium-driver"}),
        (("google-chrome", "chromedriver"), set()),
    ],
)
def test_a_missing_browser_is_named_by_its_packages(
    there: tuple[str, ...], lacking: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", programs(tmp_path, *there))
    found = set(deps.missing([], registry=False, tests=True, uid=0))
    assert found & {"chromium", "chromium-driver"} == lacking
    # A machine alone needs none.
    assert not set(deps.missing([], registry=False, uid=0)) & {"chromium", "chromium-driver"}
    if lacking:
        with pytest.raises(LabError, match="xnai lab deps --install"):
            deps.browser()


def test_debians_browser_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", programs(tmp_path, "google-chrome", "chromium", "chromedriver"))
    assert deps.browser() == (f"{tmp_path}/chromium", f"{tmp_path}/chromedriver")


def test_map_count_is_a_remark() -> None:
    assert checks.map_count_note(262144) is None
    assert "65530" in str(checks.map_count_note(65530))


def test_cli_prints_the_message_and_returns_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    result = CliRunner().invoke(lab, ["ssh", "nobody", "--", "true"])
    assert result.exit_code == 1
    assert "there is no machine 'nobody'" in result.output


def test_every_command_explains_itself() -> None:
    runner = CliRunner()
    for name, command in lab.commands.items():
        assert command.help, name
        assert runner.invoke(lab, [name, "--help"]).exit_code == 0


def test_short_steps_are_silent_and_failures_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with Lines(stream).step("quick"):
        pass
    assert stream.getvalue() == ""
    with pytest.raises(ValueError, match="x"), Lines(stream).step("bad"):
        raise ValueError("x")
    assert "bad: failed after" in stream.getvalue()


def test_long_steps_show_elapsed_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xnai.lab.progress.QUIET_SECONDS", 0.05)
    stream = io.StringIO()
    with Lines(stream).step("slow"):
        time.sleep(0.12)
    assert "slow … 0 s\n" in stream.getvalue()
    # A busy machine takes its time.
    took = re.search(r"slow: done after (\d+\.\d) s", stream.getvalue())
    assert took and float(took[1]) >= 0.1
