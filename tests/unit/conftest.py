"""Makes the checkout's own `tasks` importable, as pyinfra does when it runs deploy.py."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from xnai.programs.backup.ending import SIGNALS

# How long an example takes says how busy the machine is. `make test` tries the number of examples
# that is Hypothesis' own, `make test-unit` fewer.
settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow],
    max_examples=int(os.environ.get("XNAI_TEST_EXAMPLES", "100")),
)
settings.load_profile("unhurried")

sys.path.insert(0, str(Path(__file__).parents[2]))
# Recorded facts serve whole steps too, also where these alone are run.
sys.path.append(str(Path(__file__).parent / "facts"))


@pytest.fixture
def own_process():
    """What a program for hosts, called in this process, changes of it is put back."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    mask = os.umask(0o077)
    yield
    os.umask(mask)
    for number, handler in handlers.items():
        signal.signal(number, handler)
