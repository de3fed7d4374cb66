"""Who runs pyinfra: another machine that was killed, and a user who types a password for sudo."""

from __future__ import annotations

import os
import pty
import secrets
import signal
import subprocess
import time

import pytest

from xnai.lab.deploying import ROOT, deploy, environment, pyinfra_argv

pytestmark = [pytest.mark.lab, pytest.mark.drill_only]

LEASE = "cat /run/xnai/lease 2>/dev/null"


def test_a_controller_that_was_killed_on_another_machine_is_waited_for(deployed):
    # In namespaces of its own it is another machine: another name, other process IDs.
    process = subprocess.Popen(
        ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
         'hostname desk && exec "$@"', "sh", *pyinfra_argv()],
        cwd=ROOT, env=environment(deployed), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    while "@desk " not in deployed.run(LEASE, check=False).stdout:
        assert process.poll() is None
        time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    assert "a run of root@desk (process " in outcome.log, outcome.log
    assert "taking over from a run of root@desk that did not end well" in outcome.log


def on_a_terminal(words: list[str], env: dict[str, str], typed: str) -> tuple[int, str]:
    """Run a program on a terminal, type a line when it asks for a password; code and output."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execvpe(words[0], words, env)  # noqa: S606
    said, asked = "", 0
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # EIO: it has ended
            break
        if not chunk:
            break
        said += chunk.decode("utf-8", "replace")
        if said[asked:].lower().rstrip().endswith(("password:", "anna:")):
            asked = len(said)
            os.write(terminal, f"{typed}\n".encode())
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), said


def test_a_password_for_sudo_is_asked_for_once_and_never_shown(deployed, tmp_path):
    password = secrets.token_hex(8)
    deployed.run(
        "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install sudo && "
        "useradd --create-home --shell /bin/bash --groups sudo anna && "
        "install -d -m 700 -o anna /home/anna/.ssh && "
        "install -m 600 -o anna /root/.ssh/authorized_keys /home/anna/.ssh/",
        timeout_s=300,
    )
    deployed.run("chpasswd", stdin=f"anna:{password}\n")
    hosts = tmp_path / "hosts.py"
    hosts.write_text(
        deployed.hosts_file.read_text("utf-8").replace("'ssh_user': 'root'", "'ssh_user': 'anna'")
    )
    env = environment(deployed) | {"XNAI_HOSTS": str(hosts), "TERM": "dumb"}
    # What such a user's run changes, and under whose lease.
    words = pyinfra_argv("--data", "vm_swappiness=170")
    code, said = on_a_terminal(words, env, password)
    assert code == 0, said
    assert said.count("sudo password: ") == 1, said
    assert password not in said
    assert deployed.run("cat /proc/sys/vm/swappiness").stdout.strip() == "170"
    assert deployed.run("stat -c '%a %U' /run/xnai /run/xnai/lease").stdout.split() == [
        "700", "root", "600", "root",
    ]
    assert deployed.run(LEASE).stdout.split()[2] == "0"  # given back
    # The next one, of root's, puts it back.
    outcome = deploy(deployed)
    assert outcome.code == 0 and len(outcome.changed) >= 1, outcome.log
    wrong, said = on_a_terminal(words, env, "not-this-one")
    assert wrong != 0 and "sudo" in said and "Traceback" not in said, said
    assert deployed.run("cat /proc/sys/vm/swappiness").stdout.strip() == "180"
