"""Whether the registries and package indexes that the settings name can be reached."""

from __future__ import annotations

from collections.abc import Iterable

from xnai.diagnostics.finding import Finding
from xnai.facts.machine.model import Probe, Reading
from xnai.settings.model import Settings


def judge_network(probes: Iterable[Probe], extra_ca: bool) -> list[Finding]:
    """Return a finding for each URL that was asked for and not reached.

    probes: none where nothing was asked for; extra_ca: whether the settings name certificates that
    a later step installs, so that an untrusted one is no obstacle yet.
    """
    found = []
    for probe in probes:
        needed = "an answer within 10 s"
        detail = " ".join(probe.detail.split())[:200]
        if probe.state == "ok":
            continue
        if probe.state != "failed":
            text = (
                f"only its name could be looked up ({probe.method}): no curl, wget, python3 or bash"
            )
            remedy = f"Look by hand from the host: {probe.url}"
            found.append(Finding("network", "unknown", probe.url, text, needed, remedy))
            continue
        remedy = (
            "Check the host's network, name server and proxy, or name a mirror that it reaches "
            "(registry_mirrors, package_index_url)."
        )
        if "certificate" in detail.lower() or "(60)" in detail:
            if extra_ca:
                text = f"reached, but its certificate is not trusted yet: {detail}"
                needed = "the CA of extra_ca_certificates, which the deploy installs"
                found.append(Finding("network", "note", probe.url, text, needed))
                continue
            remedy = "An inspecting proxy? Name its CA certificate in extra_ca_certificates."
        named = detail.startswith(probe.method)
        text = detail if named else f"{probe.method}: {detail or 'no answer'}"
        found.append(Finding("network", "error", probe.url, text, needed, remedy))
    return found


def judge_credentials(reading: Reading, settings: Settings) -> list[Finding]:
    """Return findings on the files with proxy's and registries' credentials.

    Args:
        reading: what the program on the host said of them.
        settings: the host's.
    """
    named = [
        f"{name} = {value}" for name in ("netrc_file", "registry_auth_file", "proxy_url")
        if (value := getattr(settings, name))
    ]
    if not named or reading.state == "ok":
        return []
    subject, needed = ", ".join(named), "files of root's alone, in their format"
    if reading.state == "failed":
        said = " ".join(reading.text.split())
        if "python3" not in said:
            return [Finding("credentials", "error", subject, said, needed, "As said there.")]
    remedy = "They are read by the host's python3 on the first pull or build."
    return [Finding("credentials", "unknown", subject, "could not be read", needed, remedy)]
