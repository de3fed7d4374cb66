"""Makes the checkout's own `tasks` importable, as pyinfra does when it runs deploy.py."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

sys.path.insert(0, str(Path(__file__).parents[2]))
