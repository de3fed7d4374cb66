"""One run has a machine at a time; the shell code is really run, on files of the test's own."""

from __future__ import annotations

import fcntl
import os
import subprocess
from types import SimpleNamespace

import pytest
from pyinfra.api.command import StringCommand

from xnai.remote import controller, lease
from xnai.remote.lease import Controller, LeaseRefused, acquire, me, parsed
from xnai.remote.lease_code import DIRECTORY, ENDS_AFTER_S, release, take, under_lease

MINE, OTHER = "a" * 16, "b" * 16
WHO = "me@desk 0/1 12 34"
EACH_SHELL = pytest.mark.parametrize("shell", ["sh", "dash", "bash"])


@pytest.fixture
def run(tmp_path):
    """Run shell code about a directory of the test's own; its exit code and output's lines."""

    def done(code: object, shell: str = "sh", uptime_s: int = 1000, boot: str = "one"):
        (tmp_path / "uptime").write_text(f"{uptime_s}.25 1.0\n")
        (tmp_path / "boot").write_text(f"{boot}\n")
        text = str(code).replace(DIRECTORY, str(tmp_path / "xnai"))
        text = text.replace("/proc/sys/kernel/random/boot_id", str(tmp_path / "boot"))
        text = text.replace("/proc/uptime", str(tmp_path / "uptime"))
        found = subprocess.run(
            [shell, "-c", text], capture_output=True, text=True, check=False, timeout=30
        )
        return found.returncode, [*found.stdout.splitlines(), *found.stderr.splitlines()]

    return done


def command(words: str = "echo done", run: str = MINE):
    return under_lease(StringCommand(words), run, WHO)


@EACH_SHELL
def test_it_is_taken_and_nobody_else_can_look_at_it(run, tmp_path, shell):
    assert run(take(MINE, WHO), shell) == (0, ["taken"])
    assert (tmp_path / "xnai").stat().st_mode & 0o777 == 0o700
    files = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "xnai").iterdir()}
    assert files == {"lease": 0o600, "lock": 0o600}
    assert (tmp_path / "xnai/lease").read_text() == f"{MINE} one {1000 + ENDS_AFTER_S} {WHO}\n"
    assert run(take(MINE, WHO), shell) == (0, ["taken"])


@EACH_SHELL
def test_another_run_waits_while_it_is_renewed(run, shell):
    run(take(OTHER, WHO))
    assert run(take(MINE, "x y 1 2"), shell, uptime_s=1180) == (0, [f"held 60 {OTHER} {WHO}"])
    assert run(command(run=OTHER), shell, uptime_s=1180) == (0, ["done"])
    assert run(take(MINE, WHO), shell, uptime_s=1419) == (0, [f"held 1 {OTHER} {WHO}"])
    assert run(take(MINE, WHO), shell, uptime_s=1420) == (0, [f"after {WHO}", "taken"])


@EACH_SHELL
def test_one_that_is_known_to_be_gone_is_taken_over_at_once(run, shell):
    run(take(OTHER, WHO))
    assert run(take(MINE, WHO, over=OTHER), shell) == (0, [f"after {WHO}", "taken"])
    assert run(take(OTHER, WHO, over="c" * 16), shell)[1][0].startswith("held ")


def test_of_another_boot_it_counts_for_nothing(run):
    run(take(OTHER, WHO), boot="before")
    assert run(take(MINE, WHO)) == (0, ["taken"])


@EACH_SHELL
def test_a_command_at_work_is_waited_for(run, tmp_path, shell):
    run(take(OTHER, WHO))
    with (tmp_path / "xnai/lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert run(take(MINE, WHO, over=OTHER), shell) == (0, ["busy"])


@EACH_SHELL
def test_a_run_that_was_taken_over_does_nothing_more(run, tmp_path, shell):
    run(take(MINE, WHO))
    run(take(OTHER, "you@elsewhere 0/1 5 6"), uptime_s=2000)
    code, said = run(command(f"touch {tmp_path}/done"), shell, uptime_s=2000)
    assert code == 75 and not (tmp_path / "done").exists()
    assert said == [
        "this machine was taken over by another run, of you@elsewhere: look at what it has done, "
        "then run this again"
    ]
    # It does not matter that the other one has ended its own since, without giving it back.
    assert run(command(), shell, uptime_s=9000)[0] == 75


def test_after_a_reboot_a_run_goes_on(run, tmp_path):
    run(take(MINE, WHO))
    (tmp_path / "xnai/lease").unlink()
    assert run(command(), boot="two") == (0, ["done"])
    assert (tmp_path / "xnai/lease").read_text().startswith(f"{MINE} two ")


def test_without_the_directory_a_command_is_just_run(run, tmp_path):
    assert run(command("echo mine; exit 3")) == (3, ["mine"])
    assert not (tmp_path / "xnai").exists()


@EACH_SHELL
def test_output_and_exit_code_come_through(run, shell):
    run(take(MINE, WHO))
    words = "cat <<END\nit's $((1+1))\nEND\nexit 4"
    assert run(command(words), shell) == (4, ["it's 2"])


def test_a_long_command_renews_it_when_it_ends(run, tmp_path):
    run(take(MINE, WHO))
    words = f"echo 5000.5 1 > {tmp_path}/uptime"
    assert run(command(words)) == (0, [])
    assert f" {5000 + ENDS_AFTER_S} " in (tmp_path / "xnai/lease").read_text()


@EACH_SHELL
def test_only_ones_own_is_given_back(run, tmp_path, shell):
    run(take(OTHER, WHO))
    before = (tmp_path / "xnai/lease").read_text()
    assert run(release(MINE, WHO), shell) == (0, [])
    assert (tmp_path / "xnai/lease").read_text() == before
    assert run(release(OTHER, WHO), shell) == (0, [])
    assert (tmp_path / "xnai/lease").read_text() == f"{OTHER} one 0 {WHO}\n"
    # Who comes next is told of nothing that went wrong.
    assert run(take(MINE, WHO), shell) == (0, ["taken"])


@EACH_SHELL
def test_a_run_that_was_taken_over_stops_also_when_the_other_one_is_done(run, shell):
    run(take(MINE, WHO))
    run(take(OTHER, "you@elsewhere 0/1 5 6"), uptime_s=2000)
    run(release(OTHER, "you@elsewhere 0/1 5 6"), uptime_s=2100)
    code, said = run(command(), shell, uptime_s=2100)
    assert code == 75 and "by another run, of you@elsewhere: " in said[0]


def test_a_controllers_words_go_there_and_back():
    assert parsed(me().words) == me()
    assert not me().is_gone
    assert [parsed(words) for words in ("", "a b c d", "a b 1", "a b 1 2 3")] == [None] * 4


def test_only_a_process_of_this_machine_can_be_known_to_be_gone():
    assert Controller("x", me().machine, me().pid, "1").is_gone  # its number has another one now
    assert not Controller("x", "another", 4, "1").is_gone
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    assert Controller("x", me().machine, child, "5").is_gone


def test_a_process_that_is_hidden_is_not_gone(monkeypatch):
    # As with proc(5)'s hidepid: it is there, and its file is not.
    monkeypatch.setattr(controller, "_started", lambda pid: "")
    assert not Controller("x", me().machine, me().pid, "1").is_gone

    def refuse(pid, signal):
        raise PermissionError

    monkeypatch.setattr(controller.os, "kill", refuse)
    assert not Controller("x", me().machine, 1, "1").is_gone


@pytest.mark.parametrize(("words", "dry"), [(["--dry"], True), (["-y"], False)])
def test_whether_a_plan_alone_was_asked_for(monkeypatch, words, dry):
    monkeypatch.setattr(lease.sys, "argv", ["pyinfra", *words, "inventory.py", "deploy.py"])
    assert lease.is_dry() == dry


class Host(SimpleNamespace):
    """A host that answers from a list, and notes with which run known to be gone."""

    def __init__(self, *answers):
        super().__init__(answers=list(answers), over=[], logged=[])

    def get_fact(self, fact, run, who, over):
        self.over.append(over)
        return self.answers.pop(0)

    def log(self, text):
        self.logged.append(text)


class Ended:
    """An event whose waiting takes no time, but says that it did."""

    now_s = 0.0

    def __init__(self):
        self.ended = False

    def set(self):
        self.ended = True

    def is_set(self):
        return self.ended

    def wait(self, seconds):
        Ended.now_s += seconds
        return self.ended


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(lease, "Event", Ended)
    monkeypatch.setattr(lease.time, "monotonic", lambda: Ended.now_s)
    monkeypatch.setattr(lease.gevent, "spawn", lambda function: None)


def test_it_is_said_who_is_waited_for_and_who_was_taken_over():
    host = Host(["held 90 r you@laptop m 4 5"], ["busy"], ["after you@laptop m 4 5", "taken"])
    acquire(host, Ended())
    assert host.logged == [
        "waiting, at most 300 s: a run of you@laptop (process 4 there) is at work on this machine",
        "taking over from a run of you@laptop that did not end well",
    ]


def test_a_killed_controller_of_this_machine_is_not_waited_for():
    gone = Controller("me@desk", me().machine, 1, "x").words
    host = Host([f"held 110 {OTHER} {gone}"], [f"after {gone}", "taken"])
    acquire(host, Ended())
    assert host.over == ["", OTHER]


def test_a_run_that_was_ended_while_it_waited_does_not_begin():
    ended = Ended()
    host = Host(["held 90 r you@laptop m 4 5"], ["taken"])
    host.log = lambda text: ended.set()
    with pytest.raises(LeaseRefused, match="the run was ended while it waited"):
        acquire(host, ended)


def test_ctrl_c_ends_the_waiting_of_every_host():
    one = Connected(["held 90 r you@laptop m 4 5"], ["taken"])
    one.log = lambda text: lease.end_waiting()
    with pytest.raises(LeaseRefused, match="the run was ended"):
        lease.hold(one, {})
    assert one.sent == [] and one.connector.run_shell_command == one.connector_runs


def test_waiting_ends_with_who_it_is():
    host = Host(*[["held 100 r you@laptop m 4 5"]] * 500)
    said = r"you@laptop \(process 4 there\) is at work .*, still after"
    with pytest.raises(LeaseRefused, match=said):
        acquire(host, Ended())
    assert len(host.over) == 151


@pytest.mark.parametrize("answer", [None, [], ["something"]])
def test_what_cannot_be_taken_is_no_permission(answer):
    with pytest.raises(LeaseRefused, match="could not take the lease"):
        acquire(Host(answer), Ended())


class Connected(Host):
    """A host with a connector that remembers."""

    def __init__(self, *answers):
        super().__init__(*answers)
        self.connector_data, self.sent, self.gone = {}, [], []
        self.connector = SimpleNamespace(run_shell_command=self.connector_runs)
        self.disconnect = lambda: self.gone.append(len(self.sent))

    def connector_runs(self, command, *shown, **how):
        self.sent.append((str(command), how))

    def run_shell_command(self, command, **how):
        return self.connector.run_shell_command(command, **how)


def test_each_command_renews_it_until_the_run_disconnects():
    host = Connected(["taken"])
    lease.hold(host, {"_sudo": True})
    lease.hold(host, {"_sudo": True})  # as several files of tasks in one run do
    host.run_shell_command(StringCommand("true"))
    host.run_shell_command("true")  # as a fact's is
    host.disconnect()
    assert len(host.sent) == 3 and host.gone == [3]
    (command, _), (fact, _), (last, how) = host.sent
    assert lease.RUN in command and "true" in command and fact == command
    assert (last, how) == (release(lease.RUN, me().words), {"_sudo": True})
    host.disconnect()
    assert len(host.sent) == 3


def test_a_broken_connection_is_no_reason_not_to_disconnect():
    host = Connected(["taken"])
    lease.hold(host, {})
    host.connector.run_shell_command = lambda *words, **how: 1 / 0
    host.disconnect()
    assert host.gone == [0]


def test_what_is_read_on_the_way_is_read_with_the_lease(run):
    class AndMore(lease.Lease):
        also = "echo 1; echo taken; false"

    assert run(AndMore().command(MINE, WHO)) == (0, ["taken", "also", "1", "taken"])
    host = Connected(["after you@laptop m 4 5", "taken", "also", "1", "taken"])
    assert lease.hold(host, {}, AndMore) == ["1", "taken"]
    assert lease.hold(host, {}, AndMore) == [], "once a run"
    assert run(AndMore().command("b" * 16, WHO))[1][0].startswith("held ")
    held = Host(["held 90 r you@laptop m 4 5", "also", "1"], ["taken", "also", "2"])
    assert acquire(held, Ended(), AndMore) == ["2"]


def test_a_plan_alone_takes_nothing(monkeypatch):
    monkeypatch.setattr(lease, "is_dry", lambda: True)
    host = Connected()
    lease.hold(host, {})
    assert host.over == [] and host.connector.run_shell_command == host.connector_runs
