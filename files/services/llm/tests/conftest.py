"""Puts the service and service_common on sys.path."""

import sys
from pathlib import Path

SERVICE = Path(__file__).parents[1]
sys.path[:0] = [str(SERVICE), str(SERVICE.parent / "common")]
