"""`python -m crawler`: the service.

It may be killed at any moment: a job stays pending in Redis until its file is in the library and
its result in crawl:results, and doing it again gives the same file. So SIGTERM simply ends it.
"""

from __future__ import annotations

import signal
import sys
import time

from redis.exceptions import RedisError
from service_common import heartbeat

from crawler import library, settings
from crawler.fetch import Fetcher, NotFetched
from crawler.settings import BLOCK_MS, Settings
from crawler.streams import Job, Jobs
from crawler.worker import Fetched, Worker

_RETRY_S = 3.0
_LEFTOVER_S = 3600.0


def _log(event: str) -> None:
    print(event, flush=True)


def _save(where: Settings, fetched: Fetched) -> None:
    """Save, for as long as it takes: a full disk is no fault of the job.

    No heartbeat meanwhile, so the container shows as unhealthy.
    """
    while True:
        try:
            library.save(where.library, fetched.file, fetched.content)
            return
        except OSError as error:
            _log(
                f"cannot write {where.library / fetched.file}: {error}; trying again every "
                f"{_RETRY_S:g} s. Is the disk full (df -h), the volume this user's?"
            )
            time.sleep(_RETRY_S)


def _do(job: Job, jobs: Jobs, worker: Worker, where: Settings) -> None:
    if job.attempts > where.max_attempts:
        jobs.failed(
            job,
            f"given up: the crawler ended {where.max_attempts} times while it worked on this; "
            "see its log (memory?)",
        )
        _log(f"gave up {job.url!r}")
        return
    try:
        fetched = worker.fetch(job.url)
    except NotFetched as error:
        jobs.failed(job, str(error))
        _log(f"failed {job.url!r}: {error}")
        return
    _save(where, fetched)
    content = fetched.content
    jobs.succeeded(job, fetched.file, content["url"], content["sha256"])
    _log(f"fetched {content['url']} into {fetched.file}, {len(content['text'])} characters")


def main() -> None:
    """Work until SIGTERM."""
    # At any point, also while waiting for a server: what is not recorded is done again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    where = settings.read()
    fetcher = Fetcher(where.allow, where.user_agent, where.timeout_s)
    worker = Worker(where, fetcher, heartbeat.beat)
    jobs = Jobs(settings.connect(), where.name, where.reclaim_idle_s)
    if not where.allow.domains:
        _log("CRAWLER_ALLOWED_DOMAINS is empty: every job will fail until domains are listed")
    prepared = False
    while True:
        try:
            if not prepared:
                library.remove_leftovers(where.library, _LEFTOVER_S)
                jobs.prepare()
                prepared = True
                _log(f"ready as {where.name!r}")
            heartbeat.beat()
            if job := jobs.next(BLOCK_MS):
                _do(job, jobs, worker, where)
        except RedisError as error:
            # No heartbeat: it is unhealthy while Redis stays away. Ours are read again first.
            _log(f"Redis: {type(error).__name__}: {error}; trying again in {_RETRY_S:g} s")
            prepared = False
            time.sleep(_RETRY_S)


if __name__ == "__main__":
    main()
