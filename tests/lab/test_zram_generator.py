"""What the real zram-generators make of files beside ours, and that we say the same."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lab.generators import SEEN, Asker, fetched
from xnai.facts.machine.generator import parsed
from xnai.lab.deploying import deploy
from xnai.memory.files import ZRAM_CONF
from xnai.preflight.zram_asked import judge_asked
from xnai.templating.render import render

pytestmark = pytest.mark.lab
EXAMPLES, ALL_EXAMPLES = 60, 1000

OURS = (ZRAM_CONF.lstrip("/"), render(
    "memory/zram-generator.conf.j2", size="ram * 200 / 100", algorithm="zstd", priority=100,
))
PATHS = [
    f"{base}/systemd/{name}" for base in ("usr/lib", "usr/local/lib", "etc", "run") for name in (
        "zram-generator.conf", "zram-generator.conf.d/10-early.conf",
        "zram-generator.conf.d/50-of-somebody.conf", "zram-generator.conf.d/90-xnai.conf",
        "zram-generator.conf.d/99-late.conf",
    ) if f"{base}/systemd/{name}" != OURS[0]
]
# What people write there: of manuals of several years, by hand, and by mistake.
LINES = st.one_of(
    st.sampled_from(["[zram0]", "[zram0]", "[zram1]", "[zram2]", "[other]", "[zram]", "# words",
                     "; words", "", "nonsense", "[zram0", "caf\xe9 = 1", "set!x = echo 5"]),
    st.builds("{} = {}".format, st.just("zram-size"), st.sampled_from(
        ["ram", "ram / 2", "min(ram, 8192)", "512", "0", "2G", "-5", "ram * 200 / 100", "x * 100"],
    )),
    st.builds("{} = {}".format, st.just("max-zram-size"), st.sampled_from(["none", "4096", "4G"])),
    st.builds("{} = {}".format, st.just("zram-fraction"), st.sampled_from(["0.5", "2", "half"])),
    st.builds("{}={}".format, st.sampled_from(["host-memory-limit", "memory-limit"]),
              st.sampled_from(["none", "1024", "999999", "9G"])),
    st.builds("{}={}".format, st.just("swap-priority"), st.sampled_from(["100", "5", "99999"])),
    st.builds("{}={}".format, st.just("options"), st.sampled_from(
        ["discard", "discard,pri=5", "pri=100", "", "x=%i"])),
    st.builds("{}={}".format, st.just("mount-point"), st.sampled_from(["/srv/z", "z", "/a/../b"])),
    st.builds("{}={}".format, st.just("fs-type"), st.sampled_from(["swap", "ext4", ""])),
    st.builds("{}={}".format, st.just("compression-algorithm"), st.sampled_from(["zstd", "lz4"])),
    st.builds("{}={}".format, st.just("zram-resident-limit"), st.sampled_from(["0", "ram", "1x"])),
    st.builds("{}={}".format, st.just("writeback-device"), st.sampled_from(["/dev/sdz9", "sdz9"])),
    st.sampled_from(["unknown-key = 1", "zram-size ram"]),
)
TEXTS = st.one_of(
    st.lists(LINES, max_size=6), st.lists(LINES, max_size=6).map(lambda lines: ["[zram0]", *lines]),
)
FILES = st.dictionaries(st.sampled_from(PATHS), st.one_of(st.none(), TEXTS), max_size=4)


@pytest.fixture(scope="module")
def asker():
    # Of a name of its own below /tmp: with nobody's rights the usual place cannot be entered.
    copies = Path(tempfile.mkdtemp(prefix="zram-generators-"))
    copies.chmod(0o777)
    found = Asker(copies)
    yield found
    found.end()
    shutil.rmtree(copies)


@pytest.fixture(scope="module", params=sorted(SEEN))
def generator(request):
    found = fetched(request.param)
    print(f"{found.suite}: {found.version} (last looked at: {SEEN[found.suite]})")
    # Where nobody may read it.
    copies = Path(tempfile.mkdtemp(prefix="zram-generator-"))
    shutil.copytree(Path(found.path).parent, copies / "it", symlinks=True)
    script = copies / "it" / "run"
    script.write_text(script.read_text().replace(str(Path(found.path).parent), f"{copies}/it"))
    copies.chmod(0o755)
    yield str(script)
    shutil.rmtree(copies)


def written(files):
    """The files as a host has them, with a MemTotal of 8 GiB."""
    host = {name: None if lines is None else "\n".join([*lines, ""])
            for name, lines in files.items()}
    return host | {"proc/meminfo": "MemTotal:        8388608 kB\n"}


def mended(files, blamed):
    """The files after what the findings say was done."""
    found = {name: None if lines is None else list(lines) for name, lines in files.items()}
    for one in blamed:
        name = one["path"].lstrip("/")
        if one["line"]:
            line = found[name][one["line"] - 1]
            # Without its heading what stands below it would be another section's.
            found[name][one["line"] - 1] = "[left-out]" if line.startswith("[") else ""
    return {name: lines for name, lines in found.items()
            if not any(one["path"] == f"/{name}" and not one["line"] for one in blamed)}


def examples(request):
    """How many sets of files are tried."""
    return ALL_EXAMPLES if int(request.config.getoption("--rounds")) > 1 else EXAMPLES


def test_zram_is_as_wanted_or_the_line_that_prevents_it_is_named(asker, generator, request):
    count = {"as wanted": 0, "named": 0}

    @settings(max_examples=examples(request), deadline=None, database=None,
              suppress_health_check=list(HealthCheck))
    @given(FILES)
    def told(files):
        host = written(files)
        answer = asker.ask(generator, OURS, host)
        assert answer["wanted"] == {"zram0": "swap of 16384 MiB, priority 100"}
        findings = judge_asked(
            parsed(json.dumps({"generator": generator, **answer})), (), True
        )
        if answer["found"] == answer["wanted"]:
            assert not findings
            count["as wanted"] += 1
            return
        count["named"] += 1
        assert answer["whole"]
        assert answer["blamed"]
        for one, finding in zip(answer["blamed"], findings, strict=True):
            assert f"{one['path']}:{one['line']}" in finding.found or not one["line"]
            assert one["path"] in finding.found and one["path"] in finding.remedy
        wrong = answer["found"].get("zram0") != answer["wanted"]["zram0"]
        # What takes our file's place is an error, also where it happens to say the same.
        masks = any(not one["line"] for one in answer["blamed"])
        assert any(finding.severity == "error" for finding in findings) == (wrong or masks)
        # What the findings say to do is done, and asked again.
        again = asker.ask(generator, OURS, written(mended(files, answer["blamed"])))
        assert again["found"] == again["wanted"] and not again["blamed"]

    told()
    print(count)
    assert all(count.values())


def test_a_line_that_beats_ours_stops_the_deploy_until_it_is_gone(deployed):
    place = "/etc/systemd/zram-generator.conf.d/10-old.conf"
    deployed.run(f"printf '# old\\n[zram0]\\nmax-zram-size = 64\\n' > {place}")
    outcome = deploy(deployed)
    assert outcome.code == 1
    assert f"{place}:3: max-zram-size = 64. With it:" in outcome.log, outcome.log
    deployed.run(f"sed -i 3d {place}")
    outcome = deploy(deployed)
    assert outcome.code == 0, outcome.log
    assert outcome.changed == ()
    deployed.run(f"rm {place}")
