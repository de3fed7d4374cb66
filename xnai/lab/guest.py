"""A machine that was made, and everything that can be done to it."""

from __future__ import annotations

import fcntl
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xnai.lab import process, processors, snapshots, ssh
from xnai.lab.backends.base import Backend
from xnai.lab.backends.choose import by_name
from xnai.lab.checks import require_ports
from xnai.lab.errors import LabError
from xnai.lab.progress import Progress, Silent
from xnai.lab.spec import Config

CONFIG = "machine.json"
FROZEN_AT_MOST_S = 120


@dataclass(frozen=True)
class Machine:
    """A machine that was made whole, running or not.

    Args:
        config: what it is.
        directory: its folder.
    """

    config: Config
    directory: Path

    @property
    def name(self) -> str:
        """Its name; the guest's host name is ``lab-NAME``."""
        return self.config.name

    @property
    def backend(self) -> str:
        """kvm, uml or tcg."""
        return self.config.backend

    @property
    def ssh_port(self) -> int:
        """The port on 127.0.0.1 that leads to the guest's ssh."""
        return self.config.ssh_port

    @property
    def ssh_key(self) -> Path:
        """The private key that root accepts."""
        return self.directory / "id_ed25519"

    @property
    def ssh_config(self) -> Path:
        """An ssh_config for this machine: ``pytest --hosts=ssh://lab-NAME --ssh-config=FILE``."""
        return self.directory / "ssh_config"

    @property
    def hosts_file(self) -> Path:
        """A Python file with the group ``lab``, usable as a pyinfra inventory."""
        return self.directory / "hosts.py"

    @property
    def disk(self) -> Path:
        """The file of its disk; on a base, of what differs from it."""
        return self.directory / self.config.disk_name

    @property
    def testinfra_host(self) -> str:
        """The machine as testinfra's ``--hosts`` takes it."""
        return f"ssh://{self.config.host_name}"

    @property
    def running(self) -> bool:
        """Whether its process runs (which says nothing about the guest's health)."""
        return process.running(self.directory, process.MACHINE) is not None

    def _backend(self) -> Backend:
        return by_name(self.config.backend)

    def ssh_argv(self, command: str | None = None, *, tty: bool = False) -> list[str]:
        """The ssh command line as root.

        Args:
            command: for the guest's shell, None for a shell to type in.
            tty: ask for a terminal in the guest.

        Returns:
            The words.
        """
        return ssh.argv(self.directory, self.config.host_name, command, tty=tty)

    def run(
        self,
        command: str,
        *,
        check: bool = True,
        timeout_s: float = 120.0,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the guest as root.

        Args:
            command: for the guest's shell.
            check: raise when it fails.
            timeout_s: seconds it may take.
            stdin: text for its standard input.

        Returns:
            Exit code and output.

        Raises:
            LabError: it failed (with check), or took too long.
        """
        return ssh.run(
            self.directory,
            self.config.host_name,
            command,
            check=check,
            timeout_s=timeout_s,
            stdin=stdin,
        )

    def start(self, progress: Progress | None = None) -> None:
        """Boot it from its disk and wait for ssh; one that runs is only waited for.

        Args:
            progress: where the waiting is told.

        Raises:
            LabError: its port is taken, or it did not come up.
        """
        progress = progress or Silent()
        if self.running:
            # Whoever started it may have been ended before it was up.
            with progress.step(f"waiting for {self.config.host_name}"):
                self._wait(None)
            return
        # A guest that switched itself off leaves its helpers, with their ports, behind.
        process.kill_all(self.directory)
        require_ports(self.ssh_port)
        if self.config.base and not Path(self.config.base).exists():
            raise LabError(
                f"the disk that {self.name} stands on is gone", found=self.config.base,
                todo=f"remove the machine: xnai lab down {self.name}",
            )
        backend = self._backend()
        for name, helper in backend.helpers(self.directory, self.config).items():
            process.spawn(helper, self.directory, name, f"{name}.log")
        launch = backend.launch(self.directory, self.config)
        process.spawn(launch, self.directory, process.MACHINE, "console.log")
        self.pin()
        with progress.step(f"booting {self.config.host_name} ({self.backend})"):
            self._wait(None)

    def _wait(self, not_boot: str | None) -> None:
        ssh.wait(
            self.directory,
            self.config.host_name,
            self.ssh_port,
            timeout_s=self._backend().boot_timeout_s,
            alive=lambda: self.running,
            not_boot=not_boot,
        )
        # Units may still be starting; "degraded" is an answer too, and so is silence.
        self.run("systemctl is-system-running --wait", check=False, timeout_s=120)

    def reboot(self, progress: Progress | None = None) -> None:
        """Reboot the guest from inside and wait for ssh.

        Args:
            progress: where the waiting is told.
        """
        before = self.run("cat /proc/sys/kernel/random/boot_id").stdout.strip()
        self.run("systemctl reboot", check=False)
        with (progress or Silent()).step(f"rebooting {self.config.host_name}"):
            self._wait(before)

    def pin(self) -> None:
        """Keep it on as many of this host's processors as it has, those that others have least."""
        if self._backend().pinned:
            processors.pin(self.directory, self.config.cpus)

    def unpin(self) -> None:
        """Let it run anywhere, while nobody works with it."""
        if self._backend().pinned:
            processors.unpin(self.directory)

    def power_cut(self) -> None:
        """End the machine as if its power were cut; only what was written to disk stays."""
        process.kill_all(self.directory)
        # A process that is being ended may hold its disk a little longer than it is listed.
        for disk in self.directory.glob("disk.*"):
            with disk.open("r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX)

    def stop(self, progress: Progress | None = None, *, timeout_s: float = 90.0) -> None:
        """Shut the guest down; a guest that does not is ended after the time given.

        Args:
            progress: where the waiting is told.
            timeout_s: seconds the shutdown may take.
        """
        progress = progress or Silent()
        if self.running:
            with progress.step(f"shutting {self.config.host_name} down"):
                self.run("systemctl poweroff", check=False, timeout_s=15)
                deadline = time.monotonic() + timeout_s
                while self.running and time.monotonic() < deadline:
                    time.sleep(0.1)
            if self.running:
                progress.say(f"  {self.config.host_name} does not shut down: ending its process")
        self.power_cut()

    def down(self) -> None:
        """End it at once and remove its disk, keys and logs."""
        self.power_cut()
        shutil.rmtree(self.directory)

    def set_link(self, up: bool) -> None:
        """Cut or restore the guest's network from outside the guest.

        Args:
            up: False cuts it.

        Raises:
            LabError: the backend cannot; the reason is in the message.
        """
        self._backend().set_link(self.directory, up)

    def snapshot(self, name: str, progress: Progress | None = None) -> Path:
        """Copy its disk under a name; a running machine is shut down and booted again.

        Args:
            name: the snapshot's name; an older one of that name is replaced.
            progress: where the steps are told.

        Returns:
            The snapshot's folder.
        """
        was_running = self.running
        self.stop(progress)
        target = snapshots.take(name, self.config, self.directory, progress or Silent())
        if was_running:
            self.start(progress)
        return target

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep its root file system still and whole on its disk, while the guest runs on.

        Raises:
            LabError: the guest does not freeze it.
        """
        # Bash's own `read` ends by itself, should this process be killed meanwhile.
        command = (
            f"exec bash -c 'fsfreeze --freeze / && echo frozen && read -r -t {FROZEN_AT_MOST_S} "
            "line; fsfreeze --unfreeze /'"
        )
        with subprocess.Popen(
            self.ssh_argv(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        ) as holder:
            if holder.stdout is None or holder.stderr is None:
                raise RuntimeError("pipes that were asked for are there")
            if holder.stdout.readline().strip() != "frozen":
                raise LabError(
                    f"{self.config.host_name} does not freeze its file system",
                    found=holder.stderr.read(),
                )
            yield
            still = holder.poll() is None
            holder.communicate("\n")
            if not still or holder.returncode != 0:
                raise LabError(
                    f"{self.config.host_name} did not keep its file system frozen",
                    found=f"exit code {holder.returncode}",
                    needed=f"an answer within {FROZEN_AT_MOST_S} s",
                )

    def how_to_enter(self) -> str:
        """What to type to get in.

        Returns:
            One line for people.
        """
        plain = shlex.join(["ssh", "-F", str(self.ssh_config), self.config.host_name])
        return f"xnai lab ssh {self.name}    (or: {plain})"
