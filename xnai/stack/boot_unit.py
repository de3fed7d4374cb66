"""The unit that starts the stack at boot."""

from __future__ import annotations

from xnai.settings.model import Settings
from xnai.stack import paths
from xnai.stack.catalogue import services
from xnai.stack.shared import least_oom_score_adj
from xnai.templating.render import render


def unit_text(settings: Settings) -> str:
    """Return the boot unit, a user unit of systemd."""
    return render(
        "stack/xnai-stack.service.j2",
        stack_name=settings.stack_name, stack_user=settings.stack_user,
        least_oom_score_adj=least_oom_score_adj(settings),
        unfinished_restore=paths.restore_marker(settings),
        stop_timeout_s=max(s.stop_timeout_s for s in services(settings)) + 10,
    )
