"""Makes the checkout's own `tasks` importable, as pyinfra does when it runs deploy.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
