"""What the program on the host reads, and when it refuses."""

from __future__ import annotations

import io
import json

import pytest

from xnai.baseline.collect import program, stack
from xnai.baseline.collect.program import Measurement, NotMeasured, at_work, measure
from xnai.programs.sampler import readings

MEMINFO = "MemTotal:        4112384 kB\nMemAvailable:    3000000 kB\nHugePages_Total:       0\n"
VMSTAT = "nr_free_pages 1\npswpin 17\npswpout 19\noom_kill 2\n"
PSI = (
    "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234\n"
    "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"
)
MM_STAT = " 1048576 262144 270336 0 300000 10 0 5 0\n"


@pytest.fixture
def root(tmp_path):
    for path, text in {
        "proc/meminfo": MEMINFO, "proc/vmstat": VMSTAT, "proc/pressure/memory": PSI,
        "sys/block/zram0/mm_stat": MM_STAT, "sys/block/zram0/disksize": "8589934592\n",
        "sys/fs/cgroup/u/a.scope/memory.current": "4096\n",
        "sys/fs/cgroup/u/a.scope/memory.events": "low 0\nhigh 1\nmax 2\noom 0\noom_kill 0\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_a_reading(root):
    found = readings.machine(root)
    assert found["meminfo"]["MemTotal"] == 4112384 << 10
    assert found["meminfo"]["SwapTotal"] is None  # the line is not there
    assert found["vmstat"]["pswpin"] == 17 and found["vmstat"]["zswpin"] is None
    assert found["pressure"]["memory"] == {"some": 1234, "full": 5}
    assert found["pressure"]["io"] == {"some": None, "full": None}
    assert found["zram"]["orig_data_size"] == 1048576 and found["zram"]["huge_pages"] == 5
    assert found["zram"]["disksize"] == 8 << 30
    one = readings.containers({"a": "/u/a.scope", "gone": "/u/b.scope"}, root)
    assert one["gone"] is None
    assert one["a"]["memory.current"] == 4096 and one["a"]["memory.peak"] is None
    assert one["a"]["events"] == {"high": 1, "max": 2, "oom": 0, "oom_kill": 0}


def test_no_zram_is_none_and_an_unreadable_one_is_unknown(root):
    (root / "sys/block/zram0/mm_stat").write_text("")
    assert readings.zram(root)["orig_data_size"] is None
    assert readings.zram(root / "nothing") is None


def test_who_is_at_work(root):
    assert at_work(root) == ""
    for path, text in {
        "run/xnai/lease": "run boot-1 500 anna on laptop\n", "proc/uptime": "400.00 1.0\n",
        "proc/sys/kernel/random/boot_id": "boot-1\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    assert at_work(root) == "anna on laptop"
    (root / "proc/uptime").write_text("501.00 1.0\n")
    assert at_work(root) == ""  # it has expired
    (root / "run/xnai/lease").write_text("half")
    assert at_work(root) == ""


def containers(**health):
    return stack.RunningContainers(
        dict.fromkeys(health, "/u/a.scope"), dict(health), dict.fromkeys(health, "then")
    )


def spec(tmp_path, **changes):
    return {
        "file": str(tmp_path / "out/run.jsonl"), "containers": ["a", "b"], "cold": False,
        "steady_s": 0, "requests": 0, "recovery_s": 0, "stack_user": "xnai", "unit": "x",
        "cold_s": 0, "start_limit_s": 0,
    } | changes


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "Podman does not answer"),
        (containers(a="healthy"), r"the stack is not up: b \(absent\)"),
        (containers(a="healthy", b="unhealthy"), r"the stack is not up: b \(unhealthy\)"),
    ],
)
def test_a_stack_that_is_down_is_not_measured(tmp_path, monkeypatch, found, said):
    monkeypatch.setattr(stack, "containers", lambda names: found)
    with pytest.raises(NotMeasured, match=said):
        measure(spec(tmp_path), print)


def test_nothing_is_measured_while_another_run_is_at_work(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "at_work", lambda: "anna on laptop")
    with pytest.raises(NotMeasured, match="a run is at work on this machine"):
        measure(spec(tmp_path), print)
    assert not (tmp_path / "out").exists()


def test_a_whole_measurement(tmp_path, monkeypatch):
    monkeypatch.setattr(stack, "containers", lambda names: containers(a="healthy", b=""))
    said = []
    measure(spec(tmp_path, steady_s=1, recovery_s=1), said.append)
    file = tmp_path / "out/run.jsonl"
    assert file.stat().st_mode & 0o777 == 0o600
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    events = [one["event"] for one in kept if "event" in one]
    assert events == ["machine", "phase", "phase", "end"]
    assert {one["phase"] for one in kept if "event" not in one} == {"steady state", "recovery"}
    assert said and said[0].startswith("steady state: ")
    with pytest.raises(FileExistsError):
        measure(spec(tmp_path), said.append)


def test_a_start_that_gets_nowhere_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(stack, "containers", lambda names: containers(a="healthy", b="starting"))
    monkeypatch.setattr(stack, "restart", lambda user, unit: True)
    one = Measurement(spec(tmp_path), io.StringIO(), print)
    with pytest.raises(NotMeasured, match="not all containers are healthy"):
        one.from_a_start()
    monkeypatch.setattr(stack, "restart", lambda user, unit: False)
    with pytest.raises(NotMeasured, match="could not be started anew"):
        one.from_a_start()


def test_a_container_that_is_started_anew_and_a_clock_that_is_set_are_events(
    tmp_path, monkeypatch
):
    file = io.StringIO()
    one = Measurement(spec(tmp_path), file, print)
    first, second = containers(a="healthy"), containers(a="healthy")
    second.started["a"] = "later"
    for found in (first, second):
        monkeypatch.setattr(stack, "containers", lambda names, found=found: found)
        one.containers()
    clock = program.time.time
    one.sample("load")
    monkeypatch.setattr(program.time, "time", lambda: clock() - 3600)
    one.sample("load")
    events = [json.loads(line) for line in file.getvalue().splitlines()]
    told = {one["event"]: one for one in events if "event" in one}
    assert told["restarted"]["container"] == "a"
    assert -3601 < told["clock"]["jumped_s"] < -3599


def test_what_podman_says_is_parsed():
    text = json.dumps([
        {"Name": "a", "State": {"Status": "running", "CgroupPath": "/u/a", "StartedAt": "t",
                                "Health": {"Status": "healthy"}}},
        {"Name": "b", "State": {"Status": "exited", "CgroupPath": ""}},
        {"Name": "c", "State": {"Status": "running", "CgroupPath": "/u/c"}},
    ])
    found = stack.parsed(text)
    assert found.groups == {"a": "/u/a", "c": "/u/c"}
    assert found.health == {"a": "healthy", "c": ""}
