"""Sysctls and zram0 that are set past sysctl.d and zram-generator."""

from __future__ import annotations

import pytest

from xnai.facts.machine.model import ConfigFile
from xnai.preflight.elsewhere import judge_elsewhere

OURS = {"vm.swappiness": "180", "vm.watermark_scale_factor": "125"}
TMPFILES, RULES = "/etc/tmpfiles.d/gaming.conf", "/etc/udev/rules.d/30-zram.rules"


def file(path: str, text: str, target: str = "") -> ConfigFile:
    return ConfigFile(path, target or path, text)


def said(*files: ConfigFile) -> list[tuple[str, str, str]]:
    return [(f.id, f.subject, f.found) for f in judge_elsewhere(files, OURS)]


def test_tmpfiles():
    text = (
        "# Path Mode UID GID Age Argument\n"
        "w /proc/sys/vm/swappiness - - - - 10\n"
        "w /proc/sys/vm/watermark_scale_factor - - - - 125\n"
        "w! /proc/sys/vm/watermark_* - - - - 500\n"
        "w /proc/sys/vm/page-cluster - - - - 3\n"
        "d /run/some 0755 root root -\n"
    )
    assert said(file(TMPFILES, text)) == [
        ("sysctl-elsewhere", "vm.swappiness",
         f"{TMPFILES}:2 sets vm.swappiness = 10 at every boot, after sysctl.d"),
        ("sysctl-elsewhere", "vm.watermark_scale_factor",
         f"{TMPFILES}:4 sets vm.watermark_scale_factor = 500 at every boot, after sysctl.d"),
    ]


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ('ACTION=="change", KERNEL=="zram0", ATTR{initstate}=="1", SYSCTL{vm.swappiness}="150"',
         [("sysctl-elsewhere", "vm.swappiness")]),
        ('SYSCTL{vm/swappiness}="150"', [("sysctl-elsewhere", "vm.swappiness")]),
        ('SYSCTL{vm.swappiness}="180"', []),
        ('#SYSCTL{vm.swappiness}="150"', []),
        ('KERNEL=="zram0", ACTION=="add", \\\n  ATTR{disksize}="2048M"', [("zram-rival", "zram0")]),
        ('KERNEL=="zram*", RUN+="/sbin/swapon /dev/zram0"', [("zram-rival", "zram0")]),
        # As systemd ships it: nothing is set up.
        ('KERNEL=="zram*", ENV{SYSTEMD_READY}="0"', []),
        ('KERNEL!="loop*|zram*", ATTR{disksize}=="0"', []),
    ],
)
def test_rules(rule, found):
    assert [(id_, subject) for id_, subject, _ in said(file(RULES, rule))] == found


def test_a_file_that_is_masked_sets_nothing():
    text = "w /proc/sys/vm/swappiness - - - - 10\n"
    lower = file("/usr/lib/tmpfiles.d/gaming.conf", text)
    assert len(said(lower)) == 1
    assert said(lower, file(TMPFILES, "", "/dev/null")) == []


def test_what_could_not_be_read_is_unknown():
    (finding,) = judge_elsewhere(None, OURS)
    assert finding.severity == "unknown"
