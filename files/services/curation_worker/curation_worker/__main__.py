"""`python -m curation_worker`: the service.

It may be killed at any moment: an entry stays pending in Redis until its document is in the index
and recorded, and doing it again gives the same document. SIGTERM finishes the entry in hand, but
does not wait for an API that is down.
"""

from __future__ import annotations

import signal
import sys
import time

from redis.exceptions import RedisError
from service_common import heartbeat

from curation_worker import settings
from curation_worker.api import Api
from curation_worker.ledger import Ledger
from curation_worker.settings import BLOCK_MS
from curation_worker.streams import Results
from curation_worker.worker import Stopped, Worker

_RETRY_S = 3.0


class _Stopping:
    """Whether SIGTERM came."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True

    def pause(self, seconds: float) -> None:
        """Wait with a heartbeat.

        Raises:
            Stopped: SIGTERM came.
        """
        heartbeat.beat()
        if self.asked:
            raise Stopped
        time.sleep(seconds)


def _log(event: str) -> None:
    print(event, flush=True)


def main() -> int:
    """Work until SIGTERM."""
    stopping = _Stopping()
    given = settings.read()
    redis = settings.connect()
    results = Results(redis, given.name, given.reclaim_idle_s)
    worker = Worker(
        given.library, results, Ledger(redis), Api(given.api_url, given.token),
        given.max_deliveries, stopping.pause, _log,
    )
    prepared = False
    while not stopping.asked:
        try:
            if not prepared:
                results.prepare()
                prepared = True
                _log(f"ready as {given.name!r}")
            heartbeat.beat()
            if entry := results.next(BLOCK_MS):
                worker.do(entry)
        except Stopped:
            break
        except RedisError as error:
            # No heartbeat: it is unhealthy while Redis stays away. Ours are read again first.
            _log(f"Redis: {type(error).__name__}: {error}; trying again in {_RETRY_S:g} s")
            prepared = False
            time.sleep(_RETRY_S)
    _log("ended by SIGTERM")
    return 0


if __name__ == "__main__":
    sys.exit(main())
