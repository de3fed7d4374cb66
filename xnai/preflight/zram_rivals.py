"""Who else configures zram or compressed swap: zram-generator's merged files, zram-tools, zswap,
swap files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xnai.diagnostics.finding import Finding
from xnai.facts.machine.config_files import HEADER, in_force, is_ours, with_ours
from xnai.facts.machine.model import ConfigFile, Reading, Swap, Unit, ZramDevice
from xnai.memory.files import ZRAM_CONF

OUR_PATH = ZRAM_CONF
"""Where our own drop-in lies."""

# /run comes first, other than for systemd's own files: zram-generator.conf(5) and its src/config.rs
# ("we look at /run to allow temporary overriding").
_BASES = ("/run/systemd", "/etc/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")
DROP_IN_DIRECTORIES = tuple(f"{base}/zram-generator.conf.d" for base in _BASES)
"""Drop-in directories by precedence."""

_HARMFUL = {
    "host-memory-limit": "the device is not created on a machine with more RAM",
    "mount-point": "the device becomes a file system, not swap",
    "fs-type": "the device becomes a file system, not swap",
    "zram-resident-limit": "the device is full before its size is reached",
    "max-zram-size": "it counts in place of zram-size, in whatever order they are read",
    "zram-fraction": "it counts in place of zram-size, in whatever order they are read",
}

# What its units do not show, so that the generator cannot be asked of it.
_NOT_ASKED = ("compression-algorithm", "zram-resident-limit")


@dataclass(frozen=True)
class Option:
    """One line of zram-generator's configuration."""

    file: ConfigFile
    line: int
    section: str
    key: str
    value: str

    @property
    def place(self) -> str:
        """`path:line`."""
        return f"{self.file.path}:{self.line}"


def options(file: ConfigFile) -> list[Option]:
    """Return the lines of `file` inside sections, in order (systemd.syntax(7))."""
    found, section = [], ""
    for number, raw in enumerate(file.text.split("\n"), start=1):
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif section and "=" in line and line[0] not in "#;":
            key, _, value = line.partition("=")
            found.append(Option(file, number, section, key.strip(), value.strip()))
    return found


def files_read(files: Iterable[ConfigFile]) -> list[ConfigFile]:
    """Return the files that zram-generator reads, in order: a main file, then drop-ins."""
    all_files = list(files)
    by_path = {file.path: file for file in all_files}
    mains = [f"{base}/zram-generator.conf" for base in _BASES]
    main = next((by_path[path] for path in mains if path in by_path), None)
    return ([main] if main else []) + in_force(all_files, DROP_IN_DIRECTORIES)


def merged(files: Iterable[ConfigFile]) -> dict[tuple[str, str], Option]:
    """Return the effective configuration: (section, key) -> the line that decides it."""
    return {
        (option.section, option.key): option
        for file in files_read(files)
        for option in options(file)
    }


def judge_generator(
    files: tuple[ConfigFile, ...] | None,
    our_text: str,
    mem_total_kib: int | None,
    command_line: Reading,
    asked: bool = False,
) -> list[Finding]:
    """Return findings on zram-generator's configuration once our drop-in is written.

    files: None when they could not be listed; our_text: our rendered drop-in; mem_total_kib:
    MemTotal; command_line: the kernel's; asked: whether the generator itself said what it makes of
    them, which then counts (`zram_asked`), but for what it cannot be asked.
    """
    subject = "zram-generator"
    ours = ConfigFile(OUR_PATH, OUR_PATH, our_text)
    settings = {option.key: option.value for option in options(ours) if option.section == "zram0"}
    if files is None:
        needed = "the generator's files, to merge them with ours"
        remedy = "systemd-analyze cat-config systemd/zram-generator.conf"
        return [Finding("zram-rival", "unknown", subject, "could not tell", needed, remedy)]
    found = [
        Finding("zram-rival", "unknown", f.path, f"{f.path} is {f.state}", "every file read", "")
        for f in files
        if f.state != "ok"
    ]
    present = next((f for f in files if f.path == OUR_PATH), None)
    if present and present.text and not is_ours(present):
        needed = f"free, or a file that begins with {HEADER!r}: only such a file is replaced"
        remedy = f"Rename it to a name before 90-xnai.conf, or remove it: {OUR_PATH}"
        found.append(Finding("zram-foreign", "error", OUR_PATH, "not ours", needed, remedy))
    if command_line.state == "ok" and re.search(
        r"\bsystemd\.zram=(0|no|false|off)\b", command_line.text
    ):
        found.append(
            Finding(
                "zram-rival",
                "error",
                "kernel command line",
                "systemd.zram=0 keeps zram-generator from making any device",
                "no such word",
                "Remove it from the boot loader's configuration; it is never edited here.",
            )
        )
    for (section, key), option in merged(with_ours(files, ours)).items():
        if option.file.path == OUR_PATH or is_ours(option.file):
            continue
        if asked and (section != "zram0" or key not in _NOT_ASKED):
            continue
        found += _judge_option(option, section, key, settings, mem_total_kib)
    return found


def _judge_option(
    option: Option, section: str, key: str, settings: Mapping[str, str], mem_total_kib: int | None
) -> list[Finding]:
    text = f"{option.place} wins: {key} = {option.value}"
    remedy = (
        f"Remove line {option.line} of {option.file.path}, or rename it to before 90-xnai.conf."
    )
    if section != "zram0":
        if not section.startswith("zram") or key != "zram-size":
            return []
        needed = "zram0 alone: every further device takes its pages out of the same RAM"
        text = f"{option.place} sets up another device, {section}: {key} = {option.value}"
        return [Finding("zram-device", "warning", section, text, needed, remedy)]
    if key in settings:
        if option.value == settings[key]:
            return []
        needed = f"{key} = {settings[key]} ({OUR_PATH})"
        return [Finding("zram-rival", "error", f"zram0 {key}", text, needed, remedy)]
    old = key in ("max-zram-size", "zram-fraction")
    if key not in _HARMFUL or (option.value in ("", "none", "0", "swap") and not old):
        return []
    limit_mib = int(option.value) if option.value.isdigit() else 0
    if key == "host-memory-limit" and mem_total_kib and limit_mib * 1024 >= mem_total_kib:
        return []
    needed = f"{key} not set: {_HARMFUL[key]}"
    return [Finding("zram-rival", "error", f"zram0 {key}", text, needed, remedy)]


_OTHERS = (
    ("zram-tools", "zramswap.service"),  # Debian
    ("zram-config", "zram-config.service"),  # Ubuntu
    ("", "armbian-zram-config.service"),  # Armbian, in its base package
)
"""Packages that set zram0 up as well, each with its unit."""


def judge_zram_tools(
    packages: Mapping[str, str] | None, units: tuple[Unit, ...] | None
) -> list[Finding]:
    """Return findings on other programs that set up zram0 at every boot."""
    found = []
    for package, name in _OTHERS:
        unit = next((u for u in units or () if u.name == name), None)
        loaded = unit is not None and unit.properties.get("LoadState") == "loaded"
        if package in (packages or {}) or (not package and loaded):
            version = (packages or {}).get(package, "")
            found.append(_judge_other(package or name, version, unit, name))
    return found


def _judge_other(package: str, version: str, unit: Unit | None, name: str) -> Finding:
    state = unit.properties if unit else {}
    running = state.get("ActiveState") == "active" or state.get("UnitFileState") == "enabled"
    found = f"{' '.join(filter(None, (package, version)))} is installed, {name} "
    needed = "zram-generator alone sets up zram0"
    if not unit:
        text, remedy = f"{found}in an unknown state", f"systemctl status {name}"
        return Finding("zram-tools", "unknown", package, text, needed, remedy)
    if running:
        text = f"{found}{state.get('UnitFileState', '')} and {state.get('ActiveState', '')}"
        remedy = f"systemctl disable --now {name} (while RAM has room for what is swapped)."
        return Finding("zram-tools", "error", package, text, needed, remedy)
    return Finding("zram-tools", "note", package, found + "disabled", needed)


def judge_devices(devices: Iterable[ZramDevice], has_generator: bool | None) -> list[Finding]:
    """Return findings on zram devices in use that nobody's configuration explains."""
    found = []
    for device in devices:
        if device.mounted_on and device.name == "zram0":
            text = f"/dev/zram0 is a file system, mounted on {device.mounted_on}"
            needed = "zram0 for swap; it cannot be reset while it is mounted"
            remedy = (
                f"Find what mounts it (log2ram, zram-config's ztab, fstab), let it take another "
                f"device or none, umount {device.mounted_on}, then run this again."
            )
            found.append(Finding("zram-device", "error", device.name, text, needed, remedy))
            continue
        if not device.size_bytes or (device.name == "zram0" and has_generator):
            continue
        text = f"/dev/{device.name} is set up with {device.size_bytes // 2**20} MiB"
        needed = "zram0 alone, set up by zram-generator"
        remedy = f"Find what makes it (rc.local, a unit); swapoff /dev/{device.name} frees it."
        found.append(Finding("zram-device", "warning", device.name, text, needed, remedy))
    return found


def judge_zswap(zswap: Reading, setting: str) -> list[Finding]:
    """Return findings on zswap; `setting` is "off" (switched off at run time) or "leave"."""
    if zswap.state != "ok" or zswap.text.strip() not in ("Y", "1"):
        return []
    needed = "off: in front of zram it compresses every page twice"
    if setting == "off":
        remedy = "Switched off at run time and by a tmpfiles.d line; the boot loader is left alone."
        return [Finding("zswap", "note", "zswap", "enabled", needed, remedy)]
    return [Finding("zswap", "warning", "zswap", "enabled", needed, "Set zswap = 'off'.")]


def judge_swaps(swaps: tuple[Swap, ...] | None, zram_priority: int) -> list[Finding]:
    """Return findings on swap that is no zram: named, kept, and warned of if used before zram
    (swapon(2)).
    """
    if swaps is None:
        needed = "the swap devices, to see which is used first"
        return [Finding("swap", "unknown", "swap", "could not tell", needed, "swapon --show")]
    found = []
    for swap in swaps:
        if re.fullmatch(r"/dev/zram\d+", swap.path):
            continue
        text = f"{swap.kind} of {swap.size_kib // 1024} MiB, priority {swap.priority}"
        needed = f"a priority below zram's {zram_priority}, so that it is used after zram"
        if swap.priority < zram_priority:
            found.append(Finding("swap", "note", swap.path, text, needed, "It is left as it is."))
        else:
            remedy = "Lower pri= of its line in /etc/fstab, or raise zram_swap_priority."
            found.append(Finding("swap", "warning", swap.path, text, needed, remedy))
    return found
