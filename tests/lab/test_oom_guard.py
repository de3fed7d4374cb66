"""systemd-oomd kills by pressure: who dies before and after the stack's user is exempt."""

from __future__ import annotations

import time

import pytest

from xnai.lab.deploying import deploy

pytestmark = [pytest.mark.lab, pytest.mark.drill_only]

# Stricter than any default, so that a lab machine shows in seconds what a laptop shows in hours.
# The name sorts before our drop-in, as a distribution's own does.
GUARD = """
set -e
DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install systemd-oomd
mkdir -p /etc/systemd/oomd.conf.d /etc/systemd/system/user@.service.d
printf '[OOM]\\nDefaultMemoryPressureDurationSec=2s\\n' > /etc/systemd/oomd.conf.d/50-test.conf
printf '[Service]\\nManagedOOMMemoryPressure=kill\\nManagedOOMMemoryPressureLimit=2%%\\n' \
    > /etc/systemd/system/user@.service.d/50-test.conf
systemctl daemon-reload
systemctl restart systemd-oomd
"""

# A container of the stack's user that touches more than its limit, again and again.
PRESS = (
    "xnai-podman run --detach --replace --name pressed --memory 150m --memory-swap 900m "
    "{image} python3 -c "
    "'b = bytearray(260 << 20)\nwhile True:\n  for i in range(0, len(b), 4096): b[i] = 1' "
)


def _killed_within(machine, seconds: int) -> str:
    """What systemd-oomd killed in the next `seconds`, while the container is under pressure."""
    since = machine.run("date +'%F %T'").stdout.strip()
    image = machine.run(
        "xnai-podman images --filter dangling=false --format '{{.Repository}}:{{.Tag}}' "
        "| grep _base:"
    ).stdout.split()[0]
    machine.run(PRESS.format(image=image))
    deadline = time.monotonic() + seconds
    found = ""
    while time.monotonic() < deadline and not found:
        time.sleep(5)
        found = machine.run(
            f"journalctl -u systemd-oomd --since '{since}' -o cat | grep ^Killed || :"
        ).stdout
    machine.run("xnai-podman rm --force --ignore pressed", check=False)
    return found


def test_guard_kills_the_stack_without_the_exemption_and_spares_it_with_it(new_machine):
    machine = new_machine("guarded")
    outcome = deploy(machine, "--data", "oom_guard_exempt_stack=False")
    assert outcome.code == 0, outcome.log
    machine.run(GUARD, timeout_s=300)
    machine.run("systemctl restart user@2000.service && sleep 5")
    killed = _killed_within(machine, 120)
    print(f"without the exemption: {killed!r}")
    assert "user@2000.service" in killed

    outcome = deploy(machine)
    assert outcome.code == 0, outcome.log
    killed = _killed_within(machine, 60)
    print(f"with the exemption: {killed!r}")
    assert killed == ""
    assert machine.run("systemctl is-active systemd-oomd").stdout.strip() == "active"
