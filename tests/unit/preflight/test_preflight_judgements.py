"""The other judgements, one table each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from preflight_hosts import ROOT, settings
from unit_settings import make

from xnai.facts.machine.model import (
    ConfigFile,
    FoundStore,
    Listener,
    Lock,
    Named,
    PreflightFacts,
    Probe,
    Reading,
    Space,
    Swap,
    Unit,
)
from xnai.facts.machine.parse import swaps, units
from xnai.facts.machine.sockets import listeners_of_proc, listeners_of_ss
from xnai.memory.capacity import Capacity
from xnai.memory.zram import best_algorithm
from xnai.preflight.existing_stack import judge_stores
from xnai.preflight.judge import judge
from xnai.preflight.memory import judge_capacity, judge_zram
from xnai.preflight.named_paths import judge_named
from xnai.preflight.network import judge_network
from xnai.preflight.oom_guards import judge_oom_guards, percent
from xnai.preflight.platform import (
    NO_ARM64_WHEEL,
    judge_apt_locks,
    judge_arch,
    judge_cgroup,
    judge_container,
    judge_os,
    judge_podman,
    os_release,
    version,
)
from xnai.preflight.ports import judge_ports
from xnai.preflight.space import judge_space
from xnai.preflight.wanted import wanted
from xnai.preflight.zram_rivals import judge_generator, judge_swaps, merged

OUR_ZRAM = "# Managed by xnai\n[zram0]\nzram-size = ram * 150 / 100\ncompression-algorithm = zstd\n"


def test_capacity_as_measured_on_a_3_gib_machine():
    # A 2,912 MiB, zram 6 GiB, ratio 2.6 gave 6,688 MiB when measured.
    assert Capacity(2912, 0, 6144, 2.6).working_set_mib == 6693


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 4 * 10**6),
    st.floats(1, 8, allow_nan=False),
)
def test_capacity_never_promises_more_than_a_times_r(ram, reserve, zram, ratio):
    capacity = Capacity(ram, reserve, zram, ratio)
    available = capacity.available_mib
    assert available <= capacity.working_set_mib + 1
    assert capacity.working_set_mib <= available * ratio + 1
    assert Capacity(ram, reserve, zram + 1, ratio).working_set_mib >= capacity.working_set_mib


def test_capacity_prints_its_terms():
    (finding,) = judge_capacity(6758 * 1024, 2048, 6758, 2.0, {
        "redis": (3000, 1000), "rag": (5000, 0),
    })
    assert finding.severity == "error"
    for term in ("4710", "6758", "2048", "8089"):
        assert term in finding.found
    assert finding.needed == "limits+swap redis 3000+1000, rag 5000+0 = 9000 MiB"
    assert "911 MiB" in finding.remedy


@pytest.mark.parametrize(
    ("total_kib", "zram", "ids"),
    [
        (None, 100, ["memory"]),
        (1024 * 1024, 2048, ["memory"]),
        (1024 * 1024, 2049, ["memory", "zram-size"]),
    ],
)
def test_zram_beyond_what_ram_backs(total_kib, zram, ids):
    assert [f.id for f in judge_capacity(total_kib, 0, zram, 2.0, {})] == ids


@pytest.mark.parametrize(
    ("wanted", "available", "best"),
    [
        ("zstd", "lzo lz4 zstd", "zstd"),
        ("zstd", "lzo lzo-rle lz4", "lz4"),
        ("lz4", "zstd lz4", "lz4"),
        ("zstd", "deflate", "deflate"),
        ("zstd", "", None),
    ],
)
def test_best_algorithm(wanted, available, best):
    assert best_algorithm(wanted, available) == best


@pytest.mark.parametrize(
    ("zram", "algorithms", "expected"),
    [
        (Reading("ok", "module"), Reading("ok", "zstd"), []),
        (Reading("ok", "module"), Reading("ok", "lz4"), ["warning"]),
        (Reading("ok", "module"), Reading("unknown"), ["unknown"]),
        (Reading("absent"), Reading("ok", "zstd"), ["error"]),
        (Reading("unknown"), Reading("ok", "zstd"), ["unknown"]),
        (Reading(), Reading(), ["unknown"]),
    ],
)
def test_zram_support(zram, algorithms, expected):
    assert [f.severity for f in judge_zram(zram, algorithms, "zstd")] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ID=debian\nVERSION_ID="13"\n', []),
        ('ID=debian\nVERSION_ID="14"\n', []),
        ('ID=debian\nVERSION_ID="12"\n', ["error"]),
        ("ID=debian\nVERSION_CODENAME=forky\n", ["warning"]),
        ('ID=ubuntu\nVERSION_ID="24.04"\n', []),
        ('ID=ubuntu\nVERSION_ID="25.10"\n', []),
        ('ID=ubuntu\nVERSION_ID="23.10"\n', ["error"]),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="22"\n', ["error"]),
        ("ID='fedora'\nVERSION_ID=43\n", ["error"]),
        ("", ["unknown"]),
        ("rubbish", ["unknown"]),
    ],
)
def test_os(text, expected):
    assert [f.severity for f in judge_os(Reading("ok", text))] == expected


def test_os_unread_is_unknown():
    for state in ("absent", "unreadable", "unknown"):
        assert [f.severity for f in judge_os(Reading(state))] == ["unknown"]


def test_os_release_quotes_and_comments():
    assert os_release("# ID=x\nID='a'\nNAME=\"B c\"\n\n") == {"ID": "a", "NAME": "B c"}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5.4.2+ds1-2+b2", (5, 4, 2)),
        ("1:4.9.3", (4, 9, 3)),
        ("podman version 4.6.0", (4, 6, 0)),
        ("24.04", (24, 4)),
        ("4.6~rc1", (4, 6)),
        ("", ()),
        ("none", ()),
    ],
)
def test_versions(text, numbers):
    assert version(text) == numbers


@pytest.mark.parametrize(
    ("installed", "candidate", "expected"),
    [
        (Reading("ok", "5.4.2"), Reading(), []),
        (Reading("ok", "4.6.9"), Reading("ok", "5.0"), ["error"]),
        (Reading("absent"), Reading("ok", "4.7.0"), []),
        (Reading("absent"), Reading("ok", "4.3.1"), ["error"]),
        (Reading("absent"), Reading("absent"), ["unknown"]),
        (Reading("ok", ""), Reading(), ["unknown"]),
        (Reading(), Reading(), ["unknown"]),
    ],
)
def test_podman(installed, candidate, expected):
    assert [f.severity for f in judge_podman(installed, candidate)] == expected


def test_apt_lock_names_its_holder_once():
    locks = (Lock("/a/lock-frontend", 7, "apt-get"), Lock("/a/lock", 7, "apt-get"))
    (finding,) = judge_apt_locks(locks)
    assert "/a/lock-frontend is held by apt-get (PID 7)" in finding.found
    assert judge_apt_locks(()) == []


@pytest.mark.parametrize(
    ("listener", "stack_uid", "clash"),
    [
        (Listener("127.0.0.1", 8000, "node", 5, 1000), 1001, True),
        (Listener("0.0.0.0", 8000, "rootlessport", 5, 1000), 1001, True),  # noqa: S104
        (Listener("*", 8000, None, None, 0), None, True),
        (Listener("127.0.0.1", 8000, "rootlessport", 5, 1001), 1001, False),
        (Listener("127.0.0.1", 8000, "pasta.avx2", 5, 1001), 1001, False),
        (Listener("127.0.0.1", 8000, "node", 5, 1001), 1001, True),
        (Listener("127.0.0.1", 8000, None, None, 1001), 1001, False),
        (Listener("192.168.1.7", 8000, "node", 5, 1000), 1001, False),
        (Listener("127.0.0.53%lo", 8000, "x", 5, 0), 1001, False),
        (Listener("::1", 8000, "node", 5, 1000), 1001, False),
        (Listener("127.0.0.1", 8001, "node", 5, 1000), 1001, False),
    ],
)
def test_ports(listener, stack_uid, clash):
    findings = judge_ports((listener,), {8000: "rag_api"}, stack_uid)
    assert [f.severity for f in findings] == (["error"] if clash else [])


def test_ss_and_proc_tell_the_same():
    ss = (
        'LISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=9,fd=14)) '
        "uid:992 ino:1 sk:1\n"
        'LISTEN 0 511 *:8000 *:* users:(("a \\"b, c",pid=12,fd=1),("z",pid=13,fd=1)) ino:2 sk:2\n'
        "LISTEN 0 5 [::1]:631 [::]:* ino:3 sk:3\n"
        "garbage\n\n"
    )
    found = listeners_of_ss(ss)
    assert [(s.address, s.port, s.pid, s.uid) for s in found] == [
        ("127.0.0.53%lo", 53, 9, 992),
        ("*", 8000, 12, 0),
        ("::1", 631, None, 0),
    ]
    proc = (
        "  1: 0100007F:1F40 00000000:0000 0A 0:0 00:0 0 1000 0 25034 1\n"
        "  2: 0100007F:1F40 x 01 0 0 0 0\n"
    )
    assert listeners_of_proc(proc) == (Listener("127.0.0.1", 8000, uid=1000),)


@pytest.mark.parametrize(
    ("address", "hexadecimal", "blocks"),
    [
        ("0.0.0.0", "00000000", True),  # noqa: S104
        ("127.0.0.1", "0100007F", True),
        ("[::ffff:127.0.0.1]", "0000000000000000FFFF00000100007F", True),  # as Java shows it
        ("[::ffff:0.0.0.0]", "0000000000000000FFFF000000000000", True),
        ("*", "00000000000000000000000000000000", True),  # both families
        ("[::1]", "00000000000000000000000001000000", False),
        ("10.0.0.5", "0500000A", False),
        ("[::ffff:10.0.0.5]", "0000000000000000FFFF00000500000A", False),
    ],
)
def test_addresses_are_compared_by_what_they_bind(address, hexadecimal, blocks):
    ss = f'LISTEN 0 5 {address}:8000 *:* users:(("java",pid=12,fd=1)) ino:2 sk:2\n'
    proc = f"  1: {hexadecimal}:1F40 0:0 0A 0:0 00:0 0 1000 0 25034 1\n"
    for found in (listeners_of_ss(ss), listeners_of_proc(proc)):
        assert bool(judge_ports(found, {8000: "rag_api"}, None)) is blocks


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        (FoundStore("arjun", 1000, "/s", ("xnai_redis",)), ["error"]),
        (FoundStore("arjun", 1000, "/s", (), ("xnai_data",)), ["error"]),
        (FoundStore("arjun", 1000, "/s", (), (), ("xnai_default",)), ["error"]),
        (FoundStore("arjun", 1000, "/s", ("xnai-redis-1",)), ["error"]),
        (FoundStore("arjun", 1000, "/s", ("xnaistic", "redis")), ["note"]),
        (FoundStore("arjun", 1000, "/s"), []),
        (FoundStore("arjun", 1000, "/s", None), ["unknown"]),
        (FoundStore("arjun", 1000, "/s", None, ("xnai_data",)), ["error"]),
        (FoundStore("xnai", 1001, "/s", ("xnai_redis",)), []),
    ],
)
def test_existing_stack(store, expected):
    assert [f.severity for f in judge_stores((store,), ["xnai_redis"], "xnai", "xnai")] == expected


def test_an_existing_stack_of_the_named_user_is_ours():
    store = FoundStore("arjun", 1000, "/s", ("xnai_redis",))
    assert judge_stores((store,), ["xnai_redis"], "xnai", "arjun") == []


def space(path, filesystem, mib, inodes=10**9):
    return Space(path, path, filesystem, "/", mib * 2**20, inodes)


@pytest.mark.parametrize(
    ("spaces", "fresh", "expected"),
    [
        ([space("/a", "d", 300), space("/b", "d", 300)], True, []),
        ([space("/a", "d", 299), space("/b", "d", 299)], True, ["error"]),
        ([space("/a", "d", 299), space("/b", "d", 299)], False, ["warning"]),
        ([space("/a", "d", 200), space("/b", "e", 100)], True, []),
        ([space("/a", "d", 300, 10), space("/b", "d", 300, 10)], True, ["error"]),
        ([space("/a", "d", 300, None), space("/b", "d", 300, None)], True, []),
        ([space("/a", "d", 300)], True, ["unknown"]),
    ],
)
def test_space_is_summed_by_file_system(spaces, fresh, expected):
    found = judge_space(spaces, {"/a": 200, "/b": 100}, fresh)
    assert [f.severity for f in found] == expected


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ([Named("/w", "ok", True)], None),
        ([Named("/w", "absent", False)], "error: not there"),
        ([Named("/w", "ok", False)], "error: no directory"),
        ([Named("/w", "unreadable", True)], "error: not readable"),
        ([Named("/w", "unknown", True)], "unknown: could not tell"),
        ([], "unknown: could not tell"),
    ],
)
def test_a_path_that_a_setting_names(named, said):
    found = judge_named(named, {"/w": ("wheelhouse_dir", True)}, "xnai")
    assert [f"{f.severity}: {f.found}" for f in found] == ([said] if said else [])
    for finding in found:
        assert finding.needed == "a directory that xnai may read (wheelhouse_dir = '/w')"


def test_a_directory_in_a_files_place():
    (found,) = judge_named([Named("/m", "ok", True)], {"/m": ("llm_model_file", False)}, "xnai")
    assert (found.severity, found.found) == ("error", "a directory")


def test_the_optional_image_needs_its_room():
    without, with_it = (wanted(make(awq_image=on)).space_needs_mib for on in (False, True))
    assert with_it["/var/tmp"] == without["/var/tmp"] + 8192
    assert with_it["/usr"] == without["/usr"]


def test_only_what_is_set_is_asked_for():
    assert wanted(make()).named == {}
    named = wanted(make(wheelhouse_dir="/w", llm_model_file="/m.gguf")).named
    assert named == {"/w": ("wheelhouse_dir", True), "/m.gguf": ("llm_model_file", False)}


def test_network():
    found = judge_network(
        [
            Probe("https://a/", "ok", "curl"),
            Probe("https://b/", "failed", "curl", "curl: (60) SSL certificate problem"),
            Probe("https://c/", "unknown", "getent"),
        ],
        extra_ca=False,
    )
    assert [f.severity for f in found] == ["error", "unknown"]
    assert "extra_ca_certificates" in found[0].remedy
    assert judge_network([], extra_ca=False) == []
    untrusted = Probe("https://b/", "failed", "wget", "cannot verify b's certificate")
    assert [f.severity for f in judge_network([untrusted], extra_ca=True)] == ["note"]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("/etc/systemd/zram-generator.conf", "[zram0]\nzram-size = 5\n", []),
        ("/etc/systemd/zram-generator.conf.d/10-a.conf", "[zram0]\nzram-size = 5\n", []),
        ("/run/systemd/zram-generator.conf.d/95-a.conf", "[zram0]\nzram-size = 5\n", ["error"]),
        (
            "/etc/systemd/zram-generator.conf.d/95-a.conf",
            "[zram0]\ncompression-algorithm=zstd\n",
            [],
        ),
        # a file of our name in /run masks ours
        ("/run/systemd/zram-generator.conf.d/90-xnai.conf", "[zram0]\nzram-size = 5\n", ["error"]),
        ("/usr/lib/systemd/zram-generator.conf", "[zram0]\nhost-memory-limit = 4096\n", ["error"]),
        ("/usr/lib/systemd/zram-generator.conf", "[zram0]\nhost-memory-limit = 65536\n", []),
        ("/usr/lib/systemd/zram-generator.conf", "[zram0]\nmount-point = /x\n", ["error"]),
        ("/usr/lib/systemd/zram-generator.conf", "[zram1]\nzram-size = 5\n", ["warning"]),
        ("/usr/lib/systemd/zram-generator.conf", "zram-size = 5\n# [zram0]\n[other]\nx = 1\n", []),
    ],
)
def test_zram_generator(path, text, expected):
    files = (ConfigFile(path, path, text),)
    found = judge_generator(files, OUR_ZRAM, 8 * 2**20, Reading("ok", "quiet"))
    assert [f.severity for f in found] == expected


def test_zram_generator_main_file_by_directory():
    files = [
        ConfigFile(f"{base}/systemd/zram-generator.conf", "", f"[zram0]\nzram-size = {number}\n")
        for number, base in enumerate(["/usr/lib", "/usr/local/lib", "/etc", "/run"])
    ]
    for count in range(1, 5):
        assert merged(files[:count])["zram0", "zram-size"].value == str(count - 1)


def test_oom_limits():
    assert percent("2147483648") == " over 50 %"
    assert percent("50%") == " over 50 %"
    assert percent("0") == percent("") == percent("0%") == ""
    oomd = Unit("systemd-oomd.service", {"ActiveState": "active"})
    slice_ = Unit("-.slice", {"ManagedOOMSwap": "kill"})
    ids = [(f.id, f.severity) for f in judge_oom_guards((oomd, slice_), True, "xnai", True)]
    assert ids == [("oom-guard", "note"), ("oom-guard-swap", "warning")]
    ids = [(f.id, f.severity) for f in judge_oom_guards((oomd,), False, "xnai", True)]
    assert ids == [("oom-guard", "warning")]
    assert judge_oom_guards((slice_,), True, "xnai", True) == []
    assert judge_oom_guards(None, True, "xnai", False) == []
    assert [f.severity for f in judge_oom_guards(None, True, "xnai", True)] == ["unknown"]


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({}, "note"),
        ({"stack_user": "me"}, "warning"),  # somebody's desktop keeps the guard
        ({"oom_guard_exempt_stack": False}, "warning"),
    ],
)
def test_whom_the_oom_guard_spares(changes, severity):
    oomd = Unit("systemd-oomd.service", {"ActiveState": "active"})
    found = judge(PreflightFacts(units=(oomd,)), settings(**changes))
    assert [f.severity for f in found if f.id == "oom-guard"] == [severity]


@pytest.mark.parametrize(
    ("priority", "severity"),
    # swapon(2): areas of one priority are used in turn, so the disk is written to as early.
    [(-2, "note"), (99, "note"), (100, "warning"), (101, "warning")],
)
def test_a_disk_must_come_after_zram(priority, severity):
    disk = Swap("/dev/sda2", "partition", 1024, 0, priority)
    zram = Swap("/dev/zram0", "partition", 1024, 0, 100)
    assert [f.severity for f in judge_swaps((disk, zram), 100)] == [severity]


def test_proc_swaps_and_units():
    text = (
        "Filename Type Size Used Priority\n/a\\040b file 2048 4 -2\n/dev/zram0 partition 10 0 100\n"
    )
    assert [(s.path, s.priority) for s in swaps(text)] == [("/a b", -2), ("/dev/zram0", 100)]
    assert swaps("") == ()
    assert [u.name for u in units("Id=a\nX=1=2\n\nId=b\n\n\nnothing")] == ["a", "b"]


@pytest.mark.parametrize(
    ("machine", "own_rag_api", "expected"),
    [("x86_64", True, []), ("x86_64", False, []), ("aarch64", False, []),
     ("aarch64", True, ["error"]), ("riscv64", False, ["error"])],
)
def test_architectures(machine, own_rag_api, expected):
    found = judge_arch(Reading("ok", machine), own_rag_api)
    assert [finding.severity for finding in found] == expected
    if machine == "aarch64" and found:
        lock = (ROOT / "files/services/rag_api/requirements.txt").read_text()
        name, _, number = NO_ARM64_WHEEL.partition(" ")
        # The lock says what the finding says; without that package it is out of date.
        assert f"\n{name}=={number} " in lock


V2, ALL_FOUR = Reading("ok", "cgroup2fs"), "cpu io memory pids"
DEBIAN, RASPBERRY = Reading("ok", "6.12.57+deb13-amd64"), Reading("ok", "6.12.47+rpt-rpi-2712")


@pytest.mark.parametrize(
    ("kind", "controllers", "command_line", "kernel", "remedy"),
    [
        (V2, "cpu io pids", "quiet cgroup_disable=memory", DEBIAN,
         "Remove cgroup_disable=memory from the kernel command line, and reboot."),
        (V2, "cpu io", "cgroup_disable=memory ro cgroup_disable=pids", DEBIAN,
         "Remove cgroup_disable=memory and cgroup_disable=pids from"),
        (V2, "cpu io pids", "quiet no_cgroup_disable=memory", DEBIAN, "Use a kernel that has them"),
        (V2, "cpu io pids", "cgroup_disable=memory", RASPBERRY, "Append cgroup_enable=memory"),
        (V2, "cpu io memory", "", RASPBERRY, "Use a kernel that has them"),
        (Reading("ok", "tmpfs"), "", "systemd.unified_cgroup_hierarchy=0 quiet", DEBIAN,
         "Remove systemd.unified_cgroup_hierarchy=0 from the kernel command line and reboot."),
        (Reading("ok", "tmpfs"), "", "systemd.legacy_systemd_cgroup_controller=1", DEBIAN,
         "Remove systemd.legacy_systemd_cgroup_controller=1 from"),
        (Reading("absent"), "", "quiet", DEBIAN, "Use a systemd and a kernel that mount cgroup v2"),
    ],
)
def test_the_remedy_names_what_this_machine_has(kind, controllers, command_line, kernel, remedy):
    (found,) = judge_cgroup(
        kind, Reading("ok", controllers), Reading("ok", command_line), kernel
    )
    assert found.remedy.startswith(remedy)
    assert judge_cgroup(V2, Reading("ok", ALL_FOUR), Reading(), Reading()) == []


@pytest.mark.parametrize(
    ("container", "kernel", "found"),
    [
        (Reading("absent"), DEBIAN, None),
        (Reading(), DEBIAN, None),
        (Reading("ok", "lxc"), Reading("ok", "6.8.12-9-pve"), "shared: systemd runs in lxc"),
        (Reading("ok", "systemd-nspawn"), DEBIAN, "shared: systemd runs in systemd-nspawn"),
        (Reading("ok", "wsl"), Reading("ok", "6.6.87.2-microsoft-standard-WSL2"),
         "shared: systemd runs in wsl"),
        (Reading("absent"), Reading("ok", "5.15.90.1-Microsoft-standard"),
         "shared: systemd runs in wsl"),
    ],
)
def test_a_kernel_of_somebody_elses(container, kernel, found):
    said = judge_container(container, kernel)
    assert [(one.severity, one.found) for one in said] == ([("error", found)] if found else [])
    assert all((".wslconfig" in one.remedy) == found.endswith("wsl") for one in said)


def test_pages_of_a_models_file_are_in_no_zram():
    """15,700 MiB of RAM: A is 12,560, and a model of 13,695 MiB does not fit."""
    limits = {"llm": (14207, 0)}
    fits = judge_capacity(15700 * 1024, 3140, 23550, 2.0, limits)
    assert [f.severity for f in fits] == ["note"]  # were all of it anonymous
    (found,) = judge_capacity(15700 * 1024, 3140, 23550, 2.0, limits, {"llm": 13695})
    assert (found.severity, found.id) == ("error", "memory")
    assert "- mapped files 13695" in found.found and "= 512 MiB" in found.needed


def test_a_model_within_ram_is_counted_once():
    limits = {"llm": (4608, 0)}
    (found,) = judge_capacity(15700 * 1024, 3140, 23550, 2.0, limits, {"llm": 4096})
    assert found.severity == "note"
    assert "A = RAM 15700 - reserve 3140 - mapped files 4096 MiB" in found.found


def test_a_file_above_its_services_limit():
    found = judge_capacity(15700 * 1024, 3140, 23550, 2.0, {"llm": (512, 256)}, {"llm": 4096})
    (wrong,) = (f for f in found if f.id == "model-size")
    assert wrong.severity == "error"
    assert "has 4096 MiB, its limit is 512 MiB" in wrong.found
    assert "llm_memory_limit_mib = None" in wrong.remedy


def test_the_models_size_reaches_the_judgement():
    settings_ = make(llm_model_file="/srv/m.gguf")
    named = Named("/srv/m.gguf", "ok", False, 4096 * 2**20)
    facts = PreflightFacts(complete=True, mem_total_kib=16 << 20, named=(named,))
    assert "model-size" in {f.id for f in judge(facts, settings_)}
    elsewhere = make(llm_model_file="/srv/m.gguf", llm_endpoint_url="http://10.0.0.5:8080/v1")
    assert "model-size" not in {f.id for f in judge(facts, elsewhere)}
