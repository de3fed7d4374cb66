"""The sampler on a machine that is made of files, and where it cannot write."""

from __future__ import annotations

import json
import os
import pwd
import socket
import subprocess
import sys

import pytest
from sampler_samples import ID, LIMITS, machine
from unit_settings import make

from xnai.programs.sampler.bundle import LIMITS as SETTINGS_OF_LIMITS
from xnai.programs.sampler.bundle import bundle, make_spec
from xnai.programs.sampler.containers import ContainerGroups
from xnai.programs.sampler.history import FILE, OLDER, History
from xnai.programs.sampler.host import Sampler, notify

ME = pwd.getpwuid(os.getuid())
SPEC = {"stack_user": ME.pw_name, "limits": LIMITS, "history_bytes": 1 << 20, "interval_s": 15}


@pytest.fixture
def places(tmp_path):
    for name in ("root", "run", "state"):
        (tmp_path / name).mkdir()
    machine(tmp_path / "root", ME.pw_uid)
    return tmp_path


def sampler(places, **spec):
    said = []
    one = Sampler(
        SPEC | spec, places / "run", places / "state", places / "root", say=said.append,
    )
    return one, said


def test_a_sample_is_written_and_kept(places):
    one, said = sampler(places)
    assert one.take(0.0) == "well" and said == []
    text = (places / "run/xnai.prom").read_text()
    assert 'xnai_container_memory_current_bytes{name="xnai_redis"} 4096\n' in text
    assert 'xnai_zram_backing_bytes{device="zram0"} 12288\n' in text
    assert "limit_bytes" in text and 'memory_limit_bytes{name="xnai_redis"}' not in text
    assert [path.name for path in (places / "run").iterdir()] == ["xnai.prom"]
    (kept,) = map(json.loads, (places / "state" / FILE).read_text().splitlines())
    assert kept["containers"]["xnai_redis"]["oom_kill"] == 1
    assert kept["meminfo"]["MemTotal"] == 16777216 << 10 and kept["clock_s"] > 1e9


def test_one_line_a_minute_is_kept(places):
    one, _ = sampler(places)
    for at in range(0, 121, 15):
        one.take(float(at))
    assert len((places / "state" / FILE).read_text().splitlines()) == 3


def test_no_user_yet(places):
    one, _ = sampler(places, stack_user="no-such-user")
    assert one.take(0.0) == "well"
    assert "xnai_container" not in (places / "run/xnai.prom").read_text()


def test_what_cannot_be_written_is_said_once_and_again_when_it_can(places):
    (places / "run").rename(places / "away")
    one, said = sampler(places)
    words = "the textfile cannot be written: No such file or directory"
    assert [one.take(0.0), one.take(15.0)] == [words, words]
    (places / "away").rename(places / "run")
    assert one.take(30.0) == "well"
    assert said == [f"<4>{words}", "<5>the textfile is written again"]


def test_a_warning_is_in_the_status_and_in_the_journal(places):
    (places / "root/sys/block/zram0/mm_stat").write_text(
        f"{8000 << 20} {4000 << 20} {4000 << 20} 0 0 0 0 0 0\n"
    )
    one, said = sampler(places)
    words = "zram0 is 98 % full of its disksize (warns above 90: memory_warn_zram_fill_pct)"
    assert one.take(0.0) == words and said == [f"<4>{words}"]
    assert 'xnai_memory_warning{kind="zram_fill"} 1\n' in (places / "run/xnai.prom").read_text()


def test_names_come_from_a_conmon_of_that_user(places):
    found = ContainerGroups(places / "root")
    (name,) = groups = found.groups(ME.pw_uid)
    assert name == "xnai_redis" and groups[name].endswith(f"libpod-{ID}.scope")
    # Known now: it is not asked again.
    (places / "root/proc/77/comm").write_text("other\n")
    assert list(found.groups(ME.pw_uid)) == ["xnai_redis"]
    assert list(ContainerGroups(places / "root").groups(ME.pw_uid)) == [ID[:12]]


@pytest.mark.parametrize("change", ["another user's", "no name", "gone", "in a container"])
def test_a_name_that_is_not_known_is_the_id(places, change):
    process = places / "root/proc/77"
    if change == "another user's":
        if os.getuid():
            pytest.skip("only root gives a file away")
        os.chown(process, 12345, 12345)
    elif change == "no name":
        (process / "cmdline").write_text(f"conmon\0-c\0{ID}\0-n\0a b\"c\0")
    elif change == "in a container":
        (process / "cgroup").write_text(f"0::/user.slice/libpod-{ID}.scope/container\n")
    else:
        (process / "cmdline").unlink()
    assert list(ContainerGroups(places / "root").groups(ME.pw_uid)) == [ID[:12]]


def test_a_name_that_another_container_has_is_not_taken_over(places):
    """conmon has the name of before of a container that was renamed."""
    found = ContainerGroups(places / "root")
    (first,) = found.groups(ME.pw_uid).values()
    other = "f" * 64
    (places / f"root/sys/fs/cgroup{first}/../libpod-{other}.scope").mkdir()
    process = places / "root/proc/79"
    process.mkdir()
    for file, text in {
        "comm": "conmon\n", "cgroup": "0::/user.slice\n",
        "cmdline": f"conmon\0-c\0{other}\0-n\0xnai_redis\0",
    }.items():
        (process / file).write_text(text)
    groups = found.groups(ME.pw_uid)
    assert groups["xnai_redis"] == first and set(groups) == {"xnai_redis", other[:12]}


def test_a_container_that_is_gone_is_forgotten(places):
    found = ContainerGroups(places / "root")
    found.groups(ME.pw_uid)
    found.groups(ME.pw_uid + 1)
    (places / "root/proc/77/comm").write_text("other\n")
    assert list(found.groups(ME.pw_uid)) == [ID[:12]]


def test_a_history_never_grows_past_its_bound(tmp_path):
    kept = History(tmp_path, 1000)
    lines = [f'{{"n":{number:03}}}' for number in range(300)]
    for line in lines:
        kept.add(line)
        sizes = [path.stat().st_size for path in tmp_path.iterdir()]
        assert sum(sizes) <= 1000
    there = (tmp_path / OLDER).read_text() + (tmp_path / FILE).read_text()
    assert there.splitlines() == lines[-len(there.splitlines()):]


def test_a_bound_that_was_lowered_holds_at_once(tmp_path):
    for name in (FILE, OLDER):
        (tmp_path / name).write_text("x" * 600)
    History(tmp_path, 1000)
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_was_cut_off_does_not_spoil_the_next_one(tmp_path):
    (tmp_path / FILE).write_text('{"n":1}\n{"n":')
    History(tmp_path, 1000).add('{"n":3}')
    assert (tmp_path / FILE).read_text().splitlines() == ['{"n":1}', '{"n":', '{"n":3}']


@pytest.mark.parametrize("form", ["path", "abstract"])
def test_systemd_is_told(tmp_path, monkeypatch, form):
    name = str(tmp_path / "s") if form == "path" else f"@xnai-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(name.replace("@", "\0", 1) if form == "abstract" else name)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify("READY=1\nSTATUS=well")
        assert server.recv(100) == b"READY=1\nSTATUS=well"


def test_the_whole_program_as_the_unit_starts_it(tmp_path):
    """On this host: packed, with nothing of ours beside it."""
    (tmp_path / "sampler.pyz").write_bytes(bundle(make(memory_sampler=True)))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "s"))
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", str(tmp_path / "sampler.pyz"), "version-1"],
            env={"NOTIFY_SOCKET": str(tmp_path / "s"), "RUNTIME_DIRECTORY": str(tmp_path),
                 "STATE_DIRECTORY": str(tmp_path)},
        )
        try:
            server.settimeout(60)
            said = server.recv(2000).decode()
        finally:
            process.terminate()
            process.wait()
    assert said.startswith("READY=1\nSTATUS=version-1 ")
    assert (tmp_path / "xnai.prom").exists() and (tmp_path / FILE).exists()


def test_the_program_is_told_what_the_settings_say():
    spec = make_spec(make(memory_warn_zram_ratio=2.0, memory_sampler_history_mib=3))
    assert spec["limits"] == LIMITS | {"memory_warn_zram_ratio": 2.0}
    assert spec["history_bytes"] == 3 << 20 and spec["stack_user"] == "xnai"
    assert set(SETTINGS_OF_LIMITS) == set(LIMITS)
