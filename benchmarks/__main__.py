"""`make bench`: what a run that changes nothing costs, and what a fresh machine takes."""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path

from benchmarks import images, pairs
from tasks import containers, memory
from xnai.catalogue import secret_forms, services
from xnai.image_content import archive, build_inputs
from xnai.lab import deploying, machine, registry
from xnai.lab.machine import Machine
from xnai.lab.progress import Lines
from xnai.lab.spec import MachineSpec
from xnai.looking import Where, loaded
from xnai.render import ROOT, render
from xnai.settings import check, layers
from xnai.settings.derive import derive
from xnai.settings.model import Settings
from xnai.stack_plan import plan
from xnai.stack_reading import compose_file, unit_file

HERE = Path(__file__).parent
UID = 2000


def settings_of(one: Machine) -> Settings:
    """Return the settings that the deploy uses for `one`."""
    os.environ["XNAI_HOSTS"] = str(one.hosts_file)
    with loaded(Where(group_data=(deploying.GROUP_DATA,))) as (inventory, _):
        checked, problems = check(layers.layers(next(iter(inventory))))
    assert not problems, problems  # noqa: S101
    ram_kib = int(one.run("grep ^MemTotal: /proc/meminfo").stdout.split()[1])
    return derive(checked, ram_kib)


def files_of(settings: Settings) -> dict[str, tuple[str, int]]:
    """Return every file that the deploy writes: absolute path -> (text, mode)."""
    home = f"/home/{settings.stack_user}"
    script = render("containers/xnai-podman.j2", user=settings.stack_user, uid=UID, home=home)
    texts = {
        **memory.rendered(settings, settings.zram_compression_algorithm),
        **containers.authorities(settings),
        containers.USER_SERVICE.format(uid=UID): render(
            "containers/user-service.conf.j2", oom_exempt=settings.oom_exempt
        ),
        **{f"{home}/{path}": text for path, text in containers.home_texts(settings).items()},
        compose_file(settings): plan(settings, build_inputs(settings)).compose_text,
        unit_file(settings): render(
            "stack/xnai-stack.service.j2",
            stack_name=settings.stack_name, stack_user=settings.stack_user,
        ),
    }
    files = {path: (text, 0o644) for path, text in texts.items()}
    files[containers.XNAI_PODMAN] = (script, 0o755)
    return files


def floor_argv(one: Machine, settings: Settings) -> tuple[list[str], str]:
    """Return the floor's command line and the digests for its standard input."""
    wanted = plan(settings, build_inputs(settings))
    images = [*(item.reference for item in build_inputs(settings)),
              *(service.image for service in wanted.services if service.image)]
    words = [
        settings.stack_user,
        " ".join(images),
        " ".join(name for forms in secret_forms(settings) for name in forms),
        " ".join(service.container_name for service in wanted.services),
        " ".join(f"{key.replace('.', '/')}={value}" for key, value in settings.sysctls.items()),
        str(settings.zram_size_mib * 2**20),
        settings.zram_compression_algorithm,
        str(settings.zram_swap_priority),
        " ".join((memory.PACKAGE, *containers.PACKAGES)),
    ]
    digests = "".join(
        f"{hashlib.sha256(text.encode()).hexdigest()}  {path}\n"
        for path, (text, _) in files_of(settings).items()
    )
    one.run("cat > /root/floor.sh", stdin=(HERE / "floor.sh").read_text("utf-8"))
    return one.ssh_argv("sh /root/floor.sh " + shlex.join(words)), digests


def measure_noop(one: Machine, runs: int) -> list[str]:
    """Alternate the deploy that changes nothing with the bare ssh floor."""
    settings = settings_of(one)
    argv, digests = floor_argv(one, settings)

    def converge() -> None:
        outcome = deploying.deploy(one)
        if outcome.code or outcome.changed:
            sys.exit(f"not a run that changes nothing: {outcome.changed}\n{outcome.log}")

    def floor() -> None:
        done = subprocess.run(argv, input=digests, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"the floor found: {done.stdout}{done.stderr}")

    converge()
    floor()
    measured = []
    for _ in range(runs):
        measured += [pairs.timed("a", converge), pairs.timed("b", floor)]
    names = ("pyinfra, 0 changed operations", "bare ssh, shell script (floor)")
    lines = pairs.report("A run that changes nothing", measured, names, goal=2.0)
    commands = remote_commands(one)
    lines.append(f"  remote commands: {commands}; goal at most 15")
    pairs.keep("noop", measured, lines, remote_commands=commands)
    return lines


def remote_commands(one: Machine) -> int:
    """Return the number of commands that a run that changes nothing executes on the host."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.remote_commands", *deploying.pyinfra_argv()[1:]],
        cwd=ROOT, env=deploying.environment(one), capture_output=True, text=True, check=True,
    )
    return int(done.stderr.strip().rsplit(" ", 1)[1])


def by_hand(one: Machine, settings: Settings) -> None:
    """Send what is needed and run benchmarks/by_hand.sh."""
    buffer = io.BytesIO()
    inputs = build_inputs(settings)
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        def add(name: str, data: bytes, mode: int = 0o644) -> None:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))

        for path, (text, mode) in files_of(settings).items():
            add(f"root{path}", text.encode(), mode)
        add("contexts.tar", archive(inputs, {}))
        add("podman-compose.txt",
            (ROOT / "files/podman-compose/requirements.txt").read_bytes())
        add("by_hand.sh", (HERE / "by_hand.sh").read_bytes(), 0o755)
    words = [
        settings.stack_user, str(UID), " ".join(containers.PACKAGES),
        " ".join(f"{item.image.name}={item.target or '-'}={item.reference}" for item in inputs),
        " ".join(name for forms in secret_forms(settings) for name in forms),
        str(len(services(settings))),
    ]
    unpack = (
        "mkdir -p /root/hand/build && cd /root/hand && tar -xf - && "
        "tar -xf contexts.tar -C build && "
    )
    command = unpack + "./by_hand.sh " + shlex.join(words)
    done = subprocess.run(
        one.ssh_argv(command), input=buffer.getvalue(), capture_output=True, check=False
    )
    if done.returncode:
        sys.exit(f"by hand failed: {done.stdout.decode()[-2000:]}{done.stderr.decode()[-2000:]}")


def measure_fresh(rounds: int, backend: str) -> list[str]:
    """Alternate fresh machine -> healthy stack by pyinfra and by hand."""
    measured = []
    progress = Lines()
    for _ in range(rounds):
        for side in "ab":
            one = machine.up(MachineSpec(name=f"bench-{side}", backend=backend), progress)
            settings = settings_of(one)
            if side == "a":
                def act(one: Machine = one) -> None:
                    outcome = deploying.deploy(one)
                    if outcome.code:
                        sys.exit(outcome.log)
            else:
                def act(one: Machine = one, settings: Settings = settings) -> None:
                    by_hand(one, settings)
            measured.append(pairs.timed(side, act))
            progress.say(f"{'pyinfra' if side == 'a' else 'by hand'}: {measured[-1].wall_s} s")
            one.down()
    names = ("pyinfra inventory.py deploy.py", "the same steps typed by hand")
    lines = pairs.report("Fresh machine to healthy stack", measured, names, goal=1.2)
    pairs.keep("fresh", measured, lines)
    return lines


def main() -> None:
    """Measure on lab machines and print the reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("noop", "images", "fresh"))
    parser.add_argument("--runs", type=int, default=7, help="alternating runs of noop")
    parser.add_argument("--rounds", type=int, default=2, help="alternating fresh machines")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--machine", help="a provisioned lab machine for noop and images")
    options = parser.parse_args()
    progress = Lines()
    registry.up(progress)
    lines: list[str] = []
    wanted = [options.only] if options.only else ["noop", "images", "fresh"]
    if {"noop", "images"} & set(wanted):
        if options.machine:
            one = machine.find(options.machine)
        else:
            one = machine.up(MachineSpec(name="bench", backend=options.backend), progress)
            outcome = deploying.deploy(one)
            if outcome.code:
                sys.exit(outcome.log)
        if "noop" in wanted:
            lines += measure_noop(one, options.runs)
        if "images" in wanted:
            lines += images.measure(one, settings_of(one), progress)
        if not options.machine:
            one.down()
    if "fresh" in wanted:
        lines += measure_fresh(options.rounds, options.backend)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
