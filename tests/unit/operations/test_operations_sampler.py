"""sampler.*: what is written, started, and taken away."""

from __future__ import annotations

from operation_runs import commands, on_a_host

from xnai.operations import sampler


def run(operation, /, **arguments):
    with on_a_host(executing=False):
        return commands(operation, **arguments)


def test_set_up():
    given = {"program": b"x", "path": "/opt/s.pyz", "unit": "[Unit]\n"}
    program, unit, start = map(str, run(sampler.set_up, **given))
    assert "/opt/s.pyz" in program and "chmod 0644" in program
    assert "/etc/systemd/system/xnai-sampler.service" in unit
    # The unit is enabled before it is started: a run that is killed in between starts it again.
    assert start == (
        "systemctl daemon-reload && systemctl enable --quiet xnai-sampler.service && "
        "systemctl restart xnai-sampler.service"
    )


def test_remove():
    (line,) = run(sampler.remove, path="/opt/s.pyz")
    # Each step only where the one before succeeded: a unit that did not stop is not lost sight of.
    assert line == (
        "{ [ ! -e /etc/systemd/system/xnai-sampler.service ] || "
        "systemctl disable --quiet --now xnai-sampler.service; } && "
        "{ systemctl reset-failed xnai-sampler.service 2>/dev/null || :; } && "
        "rm -rf /var/lib/private/xnai-sampler /var/lib/xnai-sampler && "
        "rm -f /opt/s.pyz /etc/systemd/system/xnai-sampler.service && systemctl daemon-reload && "
        'for d in /opt; do [ ! -d "$d" ] || rmdir --ignore-fail-on-non-empty "$d"; done'
    )
