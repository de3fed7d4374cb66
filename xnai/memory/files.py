"""Files that the deploy writes for compressed swap and reclaim."""

from __future__ import annotations

from xnai.settings.model import Settings
from xnai.templating.render import render

PACKAGE = "systemd-zram-generator"
ZRAM_CONF = "/etc/systemd/zram-generator.conf.d/90-xnai.conf"
SYSCTL_CONF = "/etc/sysctl.d/90-xnai.conf"
ZSWAP_CONF = "/etc/tmpfiles.d/90-xnai.conf"


def rendered(settings: Settings, algorithm: str) -> dict[str, str]:
    """Return our files by path, with their texts; `algorithm` is one that the kernel has."""
    texts = {
        ZRAM_CONF: render(
            "memory/zram-generator.conf.j2",
            size=settings.zram_size_expression,
            algorithm=algorithm,
            priority=settings.zram_swap_priority,
        ),
        SYSCTL_CONF: render("memory/sysctl.conf.j2", sysctls=settings.sysctls),
    }
    if settings.zswap == "off":
        texts[ZSWAP_CONF] = render("memory/tmpfiles.conf.j2")
    return texts
