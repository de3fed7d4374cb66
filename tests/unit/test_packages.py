"""Which Debian packages a version of Podman needs."""

from __future__ import annotations

import pytest

from xnai.facts.machine.model import PreflightFacts, Reading
from xnai.machine.packages import BEFORE_PODMAN_5, containers, podman_major


@pytest.mark.parametrize(
    ("installed", "candidate", "major"),
    [
        (Reading("absent"), Reading("ok", "4.9.3+ds1-1ubuntu0.2"), 4),
        (Reading("absent"), Reading("ok", "5.4.2+ds1-2+b2"), 5),
        (Reading("ok", "podman version 4.9.3"), Reading("ok", "5.4.2"), 4),
        (Reading("ok", "10.0.1"), Reading(), 10),
        (Reading("absent"), Reading("absent"), None),
        (Reading(), Reading(), None),
    ],
)
def test_the_version_that_will_be_there(installed, candidate, major):
    facts = PreflightFacts(podman_installed=installed, podman_candidate=candidate)
    assert podman_major(facts) == major


@pytest.mark.parametrize(("major", "older"), [(4, True), (5, False), (6, False), (None, False)])
def test_before_podman_5_networks_need_slirp4netns(major, older):
    assert set(BEFORE_PODMAN_5) <= set(containers(major)) if older else (
        not set(BEFORE_PODMAN_5) & set(containers(major))
    )
