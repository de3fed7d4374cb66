"""Who wins a sysctl key: a table of rules, the real programs' answers, and properties."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnai.facts.machine.config_files import HEADER, in_force, with_ours
from xnai.facts.machine.model import ConfigFile, Reading
from xnai.memory.sysctl_files import (
    DIRECTORIES,
    READERS,
    assignments,
    files_read,
    normalise,
    number,
    winner,
)
from xnai.preflight.sysctl_rivals import (
    OUR_PATH,
    can_be_set_aside,
    files_to_set_aside,
    judge_sysctls,
    our_file,
)

SYSTEMD, PROCPS = READERS
OURS = {"vm.swappiness": "180", "vm.page-cluster": "0"}
NAMES = {"vm.swappiness": "vm_swappiness", "vm.page-cluster": "vm_page_cluster"}


def file(path: str, text: str = "", target: str = "") -> ConfigFile:
    return ConfigFile(path, target or path, text)


# One tree that systemd-sysctl 252 and procps 4.0.2 were run on (SYSTEMD_LOG_LEVEL=debug with a
# read-only /proc/sys; sysctl --dry-run --system): the answers below are theirs.
TREE = [
    file("/etc/sysctl.d/05-x.conf", "vm.page-clus* = 3\n"),
    file("/etc/sysctl.d/10-a.conf", "vm.swappiness = 10\n"),
    file("/run/sysctl.d/10-a.conf", "vm.page-cluster = 7\n"),
    file("/etc/sysctl.d/20-g.conf", "vm.swapp* = 20\n"),
    file("/etc/sysctl.d/30-g.conf", "vm/swapp?ness = 30\n"),
    file("/etc/sysctl.d/40-x.conf", "-vm.page-cluster\n"),
    file("/etc/sysctl.d/50-x.conf", "vm.dirty_ratio = 11\n"),
    file("/etc/sysctl.d/51-x.conf", "-vm.dirty_ratio\n"),
    file("/etc/sysctl.d/52-x.conf", "vm.dirty_background_r* = 6\n"),
    file("/etc/sysctl.d/53-x.conf", "vm/dirty_background_rati? = 7\n"),
    file(
        "/run/sysctl.d/60-z.conf",
        " vm . vfs_cache_pressure =  5  \n; c\nvm.stat_interval 4\n-vm.laptop_mode=0\n"
        "vm.dirty_expire_centisecs=1 2 # x\n",
    ),
]


@pytest.mark.parametrize(
    ("key", "reader", "value"),
    [
        ("vm.swappiness", SYSTEMD, "10"),
        ("vm.swappiness", PROCPS, "10"),
        ("vm.page-cluster", SYSTEMD, None),
        ("vm.page-cluster", PROCPS, "absent"),
        ("vm.dirty_ratio", SYSTEMD, None),
        ("vm.dirty_ratio", PROCPS, "11"),
        ("vm.dirty_background_ratio", SYSTEMD, "7"),
        ("vm.dirty_background_ratio", PROCPS, "7"),
        ("vm.vfs_cache_pressure", PROCPS, "absent"),
        ("vm.stat_interval", PROCPS, "absent"),
        ("vm.laptop_mode", PROCPS, "0"),
        ("vm.dirty_expire_centisecs", PROCPS, "1 2 # x"),
    ],
)
def test_as_the_real_programs_say(key, reader, value):
    line = winner(key, TREE, reader)
    assert (line.value if line else "absent") == value


@pytest.mark.parametrize(
    ("files", "systemd", "procps"),
    [
        ([file("/etc/sysctl.d/10-a.conf", "vm.swappiness=1")], "180", "180"),
        ([file("/etc/sysctl.d/99-a.conf", "vm.swappiness=1")], "1", "1"),
        ([file("/usr/lib/sysctl.d/99-a.conf", "vm/swappiness=1")], "1", "1"),
        # capital letters and digits order bytewise, before small letters
        ([file("/etc/sysctl.d/90-Xnai.conf", "vm.swappiness=1")], "180", "180"),
        ([file("/etc/sysctl.d/90-xnai2.conf", "vm.swappiness=1")], "1", "1"),
        ([file("/etc/sysctl.d/local.conf", "vm.swappiness=1")], "1", "1"),
        # the same name in /etc, even as a link to /dev/null, masks the others
        (
            [
                file("/usr/lib/sysctl.d/99-a.conf", "vm.swappiness=1"),
                file("/etc/sysctl.d/99-a.conf", "", "/dev/null"),
            ],
            "180",
            "180",
        ),
        (
            [
                file("/run/sysctl.d/99-a.conf", "vm.swappiness=1"),
                file("/usr/local/lib/sysctl.d/99-a.conf", "vm.swappiness=2"),
            ],
            "1",
            "1",
        ),
        # only procps reads sysctl.conf, unless a link brings it in
        ([file("/etc/sysctl.conf", "vm.swappiness=1")], "180", "1"),
        ([file("/etc/sysctl.d/99-sysctl.conf", "vm.swappiness=1", "/etc/sysctl.conf")], "1", "1"),
        # a pattern never beats an explicit line
        ([file("/etc/sysctl.d/99-a.conf", "vm.* = 1")], "180", "180"),
        ([file("/etc/sysctl.d/99-a.conf", "-vm.swappiness = 1")], "1", "1"),
        ([file("/etc/sysctl.d/99-a.conf", "vm.swappiness = 1\nvm.swappiness = 2")], "2", "2"),
        ([file("/etc/sysctl.d/99-a.conf", "-vm.swappiness")], None, "180"),
        # not *.conf in a known directory: not read
        ([file("/opt/sysctl.d/99-a.conf", "vm.swappiness = 1")], "180", "180"),
    ],
)
def test_against_our_file(files, systemd, procps):
    tree = with_ours(files, our_file(OURS))
    for reader, value in ((SYSTEMD, systemd), (PROCPS, procps)):
        line = winner("vm.swappiness", tree, reader)
        assert line is not None and line.value == value


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("vm.swappiness", "vm/swappiness"),
        ("vm/swappiness", "vm/swappiness"),
        ("net.ipv4.conf.enp3s0/200.forwarding", "net/ipv4/conf/enp3s0.200/forwarding"),
        ("net/ipv4/conf/enp3s0.200/forwarding", "net/ipv4/conf/enp3s0.200/forwarding"),
        ("/proc/sys/vm/swappiness", "vm/swappiness"),
    ],
)
def test_separators(key, expected):
    assert normalise(key) == expected


def test_rivals_say_where_what_and_which_setting():
    files = (file("/etc/sysctl.d/99-a.conf", "# c\nvm.swappiness = 10\n"),)
    (finding,) = judge_sysctls(files, {}, OURS, NAMES, "stop")
    assert finding.severity == "error"
    assert "/etc/sysctl.d/99-a.conf:2" in finding.found and "vm.swappiness = 10" in finding.found
    assert "180" in finding.needed
    assert "'vm_swappiness = 10'" in finding.remedy and "set_aside" in finding.remedy
    (aside,) = judge_sysctls(files, {}, OURS, NAMES, "set_aside")
    assert aside.severity == "warning" and "99-a.conf.xnai-set-aside" in aside.remedy


def test_same_value_is_no_rival():
    files = (file("/etc/sysctl.d/99-a.conf", "vm.swappiness = 180\n"),)
    assert [f.severity for f in judge_sysctls(files, {}, OURS, NAMES, "stop")] == ["note"]


def test_could_not_list_is_unknown():
    (finding,) = judge_sysctls(None, None, OURS, NAMES, "stop")
    assert finding.severity == "unknown"


def test_set_aside_uncovers_the_next_rival():
    files = [
        file("/etc/sysctl.d/99-b.conf", "vm.swappiness = 2\n"),
        file("/etc/sysctl.d/98-a.conf", "vm.swappiness = 1\n"),
        file("/etc/sysctl.d/97-mixed.conf", "vm.swappiness = 3\nkernel.panic = 10\n"),
    ]
    assert [f.path for f in files_to_set_aside(files, OURS)] == [
        "/etc/sysctl.d/99-b.conf",
        "/etc/sysctl.d/98-a.conf",
    ]


def test_set_aside_of_a_masking_file_uncovers_the_masked():
    files = [
        file("/etc/sysctl.d/99-b.conf", "vm.swappiness = 2\n"),
        file("/usr/lib/sysctl.d/99-b.conf", "vm.swappiness = 1\n"),
    ]
    assert [f.path for f in files_to_set_aside(files, OURS)] == ["/etc/sysctl.d/99-b.conf"]
    severities = {
        f.subject: f.severity for f in judge_sysctls(tuple(files), {}, OURS, NAMES, "set_aside")
    }
    assert severities["vm.swappiness"] == "error"


def test_a_foreign_file_at_our_path_is_not_overwritten():
    files = (file(OUR_PATH, "vm.swappiness = 5\n"),)
    assert "sysctl-foreign" in [f.id for f in judge_sysctls(files, {}, OURS, NAMES, "set_aside")]
    assert judge_sysctls((file(OUR_PATH, f"{HEADER}\n"),), {}, OURS, NAMES, "stop") == []


TEXT = st.lists(
    st.tuples(
        st.sampled_from(["", "-", " ", "#", ";"]),
        st.sampled_from(["vm.swappiness", "vm/swappiness", "vm.page-cluster", "kernel.panic"]),
        st.sampled_from(["=", " = ", ""]),
        st.sampled_from(["0", "60", "180", ""]),
    ),
    max_size=4,
).map(lambda rows: "\n".join("".join(row) for row in rows))
FILES = st.lists(
    st.builds(
        file,
        st.builds(
            "{}/{}".format,
            st.sampled_from(DIRECTORIES),
            st.sampled_from(["10-a.conf", "90-xnai.conf", "99-z.conf", "B.conf"]),
        ),
        TEXT,
    )
    | st.builds(file, st.just("/etc/sysctl.conf"), TEXT),
    unique_by=lambda f: f.path,
)


@given(st.text())
def test_any_text_parses(text):
    rows = text.split("\n")
    for line in assignments(file("/etc/sysctl.d/a.conf", text)):
        row = rows[line.line - 1].strip()
        assert row[0] not in "#;"
        assert (line.value is None) == ("=" not in row)


@given(
    st.dictionaries(
        st.sampled_from(["a.b", "c.d", "e.f"]), st.from_regex(r"[0-9]{1,4}", fullmatch=True)
    )
)
def test_our_file_reads_back(sysctls):
    lines = assignments(our_file(sysctls))
    assert {line.key.replace("/", "."): line.value for line in lines} == sysctls


@settings(max_examples=40, deadline=None)
@given(FILES)
def test_the_winner_is_the_last_explicit_line(files):
    for reader in READERS:
        line = winner("vm.swappiness", files, reader)
        explicit = [
            a
            for f in files_read(files, reader)
            for a in assignments(f)
            if a.key == "vm/swappiness"
            and (reader == SYSTEMD or (a.value is not None and number(a.value) is not None))
        ]
        assert line == (explicit[-1] if explicit else None)


@settings(max_examples=40, deadline=None)
@given(FILES)
def test_a_name_is_read_once_and_in_order(files):
    names = [f.path.rsplit("/", 1)[1] for f in in_force(files, DIRECTORIES)]
    assert names == sorted(set(names))


@settings(max_examples=40, deadline=None)
@given(FILES)
def test_after_setting_aside_only_named_rivals_are_left(files):
    aside = files_to_set_aside(files, OURS)
    assert all(can_be_set_aside(f, OURS) and f.path != OUR_PATH for f in aside)
    left = [f for f in files if f not in aside]
    assert files_to_set_aside(left, OURS) == []
    findings = judge_sysctls(tuple(files), {}, OURS, NAMES, "set_aside")
    for key, value in OURS.items():
        for reader in READERS:
            line = winner(key, with_ours(left, our_file(OURS)), reader)
            decided = line is not None and number(line.value) == number(value)
            named = any(f.severity == "error" and f.subject in (key, OUR_PATH) for f in findings)
            assert decided or named


def test_unreadable_is_told_and_is_no_rival():
    unread = replace(file("/etc/sysctl.d/99-a.conf"), state="unreadable")
    live = {"vm.swappiness": Reading("ok", "60")}
    (finding,) = judge_sysctls((unread,), live, OURS, NAMES, "stop")
    assert finding.severity == "unknown"


@pytest.mark.parametrize(
    ("value", "read"),
    # Written to /proc/sys/vm/swappiness of Linux 6.1, which was then read.
    [("60", 60), ("0x3c", 60), ("074", 60), ("60 # why", 60), ("60\t1", 60), ("060 1", 48),
     ("0180", None), ("60x", None), ("", None), ("# 60", None), (None, None), ("0", 0)],
)
def test_the_number_that_the_kernel_reads(value, read):
    assert number(value) == read


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("vm.swappiness = 180 # zram wants it high", None),
        ("vm.swappiness = 0xb4", None),
        ("vm.swappiness = 60x", "vm.swappiness = 60x, which the kernel refuses"),
        ("vm.swappiness =", "vm.swappiness = , which the kernel refuses"),
        ("vm.swappiness = 0180", "vm.swappiness = 0180, which the kernel refuses"),
        ("vm.swappiness = 60 # why", "vm.swappiness = 60 # why, of which the kernel reads 60"),
        ("vm.swappiness = 60", "vm.swappiness = 60"),
    ],
)
def test_values_are_compared_as_the_kernel_reads_them(line, said):
    files = [file("/etc/sysctl.d/99-zram.conf", f"{line}\n")]
    found = [
        one for one in judge_sysctls(tuple(files), {}, OURS, NAMES, "stop")
        if one.severity == "error"
    ]
    assert len(found) == bool(said)
    if said:
        assert said in found[0].found
        refused = "refuses" in said
        # procps goes on with ours; systemd-sysctl, at boot, writes nothing.
        assert (" wins for systemd-sysctl: " in found[0].found) == refused
        assert ("take 'vm_swappiness = 60' into" in found[0].remedy) != refused


DIRTY = {"vm.dirty_ratio": "10", "vm.dirty_background_ratio": "5"}


@pytest.mark.parametrize(
    ("name", "text", "keys"),
    [
        ("99-dirty.conf", "vm.dirty_bytes = 268435456\nvm.dirty_background_bytes = 67108864\n",
         ["vm.dirty_background_ratio", "vm.dirty_ratio"]),
        ("99-dirty.conf", "vm.dirty_bytes = 268435456\n", ["vm.dirty_ratio"]),
        # Before ours: ours sets it to 0.
        ("10-dirty.conf", "vm.dirty_bytes = 268435456\n", []),
        # The kernel refuses it.
        ("99-dirty.conf", "vm.dirty_bytes = 0\n", []),
        # And the ratio again, as ours has it: systemd-sysctl has written that one before.
        ("99-dirty.conf", "vm.dirty_bytes = 268435456\nvm.dirty_ratio = 10\n",
         ["vm.dirty_ratio"]),
        ("99-dirty.conf", "vm.dirty_*bytes = 1048576\n", ["vm.dirty_background_ratio",
                                                          "vm.dirty_ratio"]),
        ("99-dirty.conf", "vm.dirty_* = 1048576\n", ["vm.dirty_background_ratio",
                                                     "vm.dirty_ratio"]),
        # procps has written the first when the second is refused.
        ("99-dirty.conf", "vm.dirty_bytes = 268435456\nvm.dirty_bytes = 0\n", ["vm.dirty_ratio"]),
    ],
)
def test_bytes_and_ratio_are_one_value(name, text, keys):
    found = [
        one for one in judge_sysctls(
            (file(f"/etc/sysctl.d/{name}", text),), {}, DIRTY,
            {key: key.replace("vm.", "vm_") + "_pct" for key in DIRTY}, "stop",
        ) if one.severity == "error"
    ]
    assert sorted(one.subject for one in found) == keys
    for one in found:
        twin = one.subject.replace("ratio", "bytes")
        values = re.findall(r"= ([1-9][0-9]+)$", text, re.MULTILINE)
        assert any(f"{twin} = {value}, " in one.found for value in values)
        assert f"which sets {one.subject} to 0" in one.found
        assert "take " not in one.remedy and "remove line " in one.remedy


def test_systemd_writes_an_equal_value_where_it_came_first():
    # Run with systemd-sysctl 252: dirty_ratio is written first, and dirty_bytes last.
    files = (
        file("/etc/sysctl.d/10-a.conf", "vm.dirty_ratio = 10\n"),
        file("/etc/sysctl.d/50-b.conf", "vm.dirty_bytes = 1000000000\n"),
    )
    found = [
        one for one in judge_sysctls(files, {}, {"vm.dirty_ratio": "10"}, {}, "stop")
        if one.severity == "error"
    ]
    assert [one.subject for one in found] == ["vm.dirty_ratio"]
    assert "50-b.conf:1 wins for systemd-sysctl: vm.dirty_bytes = 1000000000" in found[0].found


def test_a_file_of_twins_alone_may_be_set_aside():
    one = file("/etc/sysctl.d/99-dirty.conf", "vm.dirty_bytes = 268435456\n")
    assert files_to_set_aside([one], DIRTY) == [one]
