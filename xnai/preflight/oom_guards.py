"""Programs that kill before the kernel does: systemd-oomd, earlyoom, nohang; named, never switched
off.

A full zram looks to them like a machine at its end. What systemd-oomd may be told about somebody's
cgroup (systemd.resource-control(5), ManagedOOMPreference=; systemd's src/oom/oomd-util.c): for
memory pressure, a preference counts if the cgroup and the monitored ancestor have the same owner,
so a user's scopes can be left out below user@UID.service; for swap use it counts only on cgroups
owned by root, so a user's scopes cannot.
"""

from __future__ import annotations

from xnai.diagnostics.finding import Finding
from xnai.facts.machine.model import Unit

OTHERS = ("earlyoom.service", "nohang.service", "nohang-desktop.service")
"""Guards that choose by process, not by cgroup."""


def limits(units: tuple[Unit, ...]) -> list[str]:
    """Return systemd-oomd's limits in force, one sentence for each unit that it monitors."""
    found = []
    for unit in units:
        values = unit.properties
        if values.get("ManagedOOMSwap") == "kill":
            found.append(f"{unit.name} by swap use")
        if values.get("ManagedOOMMemoryPressure") == "kill":
            limit = percent(values.get("ManagedOOMMemoryPressureLimit", ""))
            found.append(f"{unit.name} by memory pressure{limit}")
    return found


def percent(raw: str) -> str:
    """Return ` over N %` for the property's value, which systemd gives in 2^32 parts; "" for the
    default.
    """
    if raw.endswith("%"):
        return f" over {raw[:-1]} %" if raw != "0%" else ""
    number = int(raw) if raw.isdigit() else 0
    return f" over {round(number * 100 / 0xFFFFFFFF)} %" if number else ""


def judge_oom_guards(
    units: tuple[Unit, ...] | None, exempt: bool, stack_user: str, booted: bool
) -> list[Finding]:
    """Return findings on the guards that run.

    units: None when systemd did not answer; exempt: whether the stack's scopes are left out by our
    drop-in; stack_user: login name; booted: whether systemd is PID 1 (else there is nothing to
    ask).
    """
    if units is None:
        if not booted:
            return []
        needed, remedy = (
            "the limits of systemd-oomd",
            "oomctl; systemctl show -p ManagedOOMSwap -- -.slice",
        )
        return [Finding("oom-guard", "unknown", "OOM guards", "could not tell", needed, remedy)]
    active = {u.name for u in units if u.properties.get("ActiveState") == "active"}
    found = []
    if "systemd-oomd.service" in active:
        in_force = limits(units)
        text = "active; monitors " + (", ".join(in_force) or "no unit looked at")
        if not exempt:
            needed = "the stack's containers left out of its choice"
            remedy = (
                "oom_guard_exempt_stack = True, and a dedicated user (stack_user = None): a login "
                "user's desktop keeps the guard."
            )
            found.append(Finding("oom-guard", "warning", "systemd-oomd", text, needed, remedy))
        else:
            needed = f"the stack of {stack_user} left out of pressure kills by a drop-in"
            found.append(Finding("oom-guard", "note", "systemd-oomd", text, needed))
        swap = [u.name for u in units if u.properties.get("ManagedOOMSwap") == "kill"]
        if swap:
            found.append(
                Finding(
                    "oom-guard-swap",
                    "warning",
                    "systemd-oomd",
                    f"it kills the largest swap user below {', '.join(swap)} when "
                    "RAM and swap are both 90 % used (SwapUsedLimit, oomd.conf(5))",
                    "systemd honours no exemption from this for cgroups that root does not own",
                    "Keep the limits within the capacity formula, so that swap stays free; or set "
                    "SwapUsedLimit= in /etc/systemd/oomd.conf.d/ for the whole machine yourself.",
                )
            )
    for name in OTHERS:
        if name in active:
            program = name.removesuffix(".service")
            remedy = (
                f"It stays on. In {program}'s configuration name what it must not choose "
                "(earlyoom: --avoid '^(redis-server|uvicorn)$' in /etc/default/earlyoom)."
            )
            needed = "a guard that does not take a swap that is full by design for the end"
            found.append(Finding("oom-guard", "warning", program, "active", needed, remedy))
    return found
