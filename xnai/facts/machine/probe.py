"""The shell script that looks at a host: reads only, changes nothing, needs neither Python nor
systemd.

Framing: one record a line, `xnai1 TAB kind TAB state TAB p|b|f TAB payload`. `p` is fields of
harmless characters, tab-separated; `b` is base64 of NUL-separated fields; `f` is a file the same
way, its path, where a link leads, its text, of which there may be too much. So paths with spaces,
newlines or bytes that are no UTF-8 survive, and whatever sudo or a login banner prints around the
records is ignored.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from xnai.facts.machine import shell
from xnai.facts.machine.generator import question
from xnai.record.baseline import DIRECTORY, RECORD

PACKAGES = (
    "podman",
    "zram-tools",
    "zram-config",
    "systemd-zram-generator",
    "systemd-oomd",
    "earlyoom",
    "nohang",
    "apt",
)
"""Packages whose installed version preflight asks dpkg for."""

UNITS = (
    "-.slice",
    "user.slice",
    "system.slice",
    "systemd-oomd.service",
    "earlyoom.service",
    "nohang.service",
    "nohang-desktop.service",
    "zramswap.service",
    "zram-config.service",
    "armbian-zram-config.service",
)
"""Units whose state and OOM limits preflight asks systemd for; the stack user's own are added to
them.
"""

_PROPERTIES = (
    "Id,LoadState,ActiveState,UnitFileState,Slice,DelegateControllers,ManagedOOMSwap,"
    "ManagedOOMMemoryPressure,ManagedOOMMemoryPressureLimit,ManagedOOMPreference"
)


def quoted(words: Iterable[object]) -> str:
    """Return `words` as shell words, each quoted for sh."""
    return " ".join(shlex.quote(str(word)) for word in words)


def host_and_port(url: str) -> tuple[str, int]:
    """Return the host and TCP port of a URL or of a bare registry name such as `docker.io` (port
    443).
    """
    scheme, _, rest = url.rpartition("://")
    netloc = rest.split("/", 1)[0].rpartition("@")[2]
    host, colon, port = netloc.rpartition(":")
    if colon and port.isdigit():
        return host.strip("[]"), int(port)
    return netloc.strip("[]"), 80 if scheme == "http" else 443


def _live(keys: Iterable[str]) -> str:
    """Return the lines that print the running kernel's values of `keys`."""
    paths = ["/proc/sys/" + key.replace(".", "/") for key in keys]
    # The shell's own read takes a byte at a time, and /proc/sys answers only at offset 0: it would
    # see the first digit alone.
    return f"live {quoted(paths)}\n" if paths else ""


def _ports(ports: Iterable[int]) -> str:
    """Return the lines that list who listens on `ports` (TCP, 1-65535)."""
    wanted = sorted({int(port) for port in ports})
    if not wanted:
        return "put ss skipped\n"
    ss = shlex.quote(" or ".join(f"sport = :{port}" for port in wanted))
    hexadecimal = "|".join(f"{port:04X}" for port in wanted)
    return (
        f"if command -v ss >/dev/null && o=$(ss -H -l -t -n -p -e {ss} 2>/dev/null); then\n"
        "  printf '%s\\n' \"$o\" | blob ss\n"
        "elif [ -r /proc/net/tcp ]; then\n"
        "  o=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |"
        f" grep -E '^ *[0-9]+: [0-9A-F]+:({hexadecimal}) [0-9A-F:]+ 0A ')\n"
        "  printf '%s\\n' \"$o\" | blob tcp\n"
        "else put ss unreadable; fi\n"
    )


def _zram_asked(our_file: tuple[str, str] | None) -> str:
    """Return the lines that ask zram-generator what it makes of its files."""
    if not our_file:
        return ""
    asked = f"if o=$({question(*our_file)}) 2>/dev/null"
    return f"{asked}; then printf '%s' \"$o\" | blob zramasked\nelse put zramasked failed; fi\n"


def _network(program: bytes) -> str:
    """Return the lines that set `exports` to the shell lines of the proxy's variables."""
    if not program:
        return "exports=\n"
    return (
        "if n=$(mktemp) && base64 -d > \"$n\" <<'XNAI'\n"
        f"{base64.b64encode(program).decode()}\nXNAI\nthen\n"
        # What it says where it fails has no values in it.
        '  if exports=$(timeout 10 python3 -I -B "$n" exports 2>&1); then put network ok\n'
        '  else o=$(put network failed "$exports"); printf \'%s\\n\' "$o"; exports=; fi\n'
        'else put network unknown; exports=; fi; rm -f "$n"\n'
    )


def _reach(urls: Iterable[str], when: str) -> str:
    """Return the lines that reach for `urls`, all at once."""
    probes = []
    for url in urls:
        host, port = host_and_port(url)
        full = url if "://" in url else f"https://{url}/v2/"
        probes.append(f"url {quoted((full, host, port))} &\n")
    if not probes:
        return ""
    condition = "true" if when == "always" else "[ $fresh = yes ]"
    return "".join(
        [shell.URL, f"if {condition}; then\n", *probes, "wait\nelse put urls skipped; fi\n"]
    )


def script(
    *,
    sysctl_keys: Iterable[str] = (),
    ports: Iterable[int] = (),
    stack_user: str = "xnai",
    paths: Iterable[str] = (),
    named: Iterable[str] = (),
    own_paths: Mapping[str, str] = MappingProxyType({}),
    urls: Iterable[str] = (),
    urls_when: str = "fresh",
    zram_conf: tuple[str, str] | None = None,
    network: bytes = b"",
) -> str:
    """Return the POSIX sh script that looks at a host.

    sysctl_keys: names such as `vm.swappiness`; ports: TCP ports to ask for; stack_user: login name;
    paths: absolute paths to measure, or below the stack user's home with `~/`; named: absolute
    paths that the stack's user must be able to read; own_paths: absolute path of ours, in which
    `{uid}` stands for that user's UID -> file or directory; urls: what to reach for, three seconds
    each and all at once; urls_when: "fresh" (only on a machine without podman, so that a run that
    changes nothing stays fast) or "always"; zram_conf: path and text of our zram-generator
    file, of which the host's own generator is asked; None: it is not; network: the
    packed program that reads proxy and credentials; empty where the settings name none.
    """
    parts = [
        # As texts: they are needed by other users' shells as well.
        f"helpers={shlex.quote(shell.HELPERS)}\nstores={shlex.quote(shell.STORES)}\n"
        'eval "$helpers$stores"\n',
        shell.PLATFORM,
        shell.SOFTWARE.replace("@PACKAGES@", quoted(PACKAGES)),
        shell.CONFIGURATION.replace("@RECORD@", RECORD).replace("@STATE@", DIRECTORY),
    ]
    parts += [_zram_asked(zram_conf), _live(sysctl_keys)]
    users = shell.USERS.replace("@USER@", shlex.quote(stack_user)).replace("@UNITS@", quoted(UNITS))
    parts += [users.replace("@PROPERTIES@", _PROPERTIES), _ports(ports)]
    parts.append(shell.SPACE.replace("@USER@", shlex.quote(stack_user)))
    parts += [f"space {shlex.quote(path)}\n" for path in paths]
    parts.append(shell.NAMED.replace("@USER@", shlex.quote(stack_user)))
    parts += [f"named {shlex.quote(path)}\n" for path in named]
    parts.append(shell.OWN_PATHS)
    parts += [f"own {kind} {shlex.quote(path)}\n" for path, kind in own_paths.items()]
    parts += [_network(network), _reach(urls, urls_when), "put end ok\n"]
    return "".join(parts).replace("\n\n", "\n").strip("\n")
