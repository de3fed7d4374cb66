"""The Redis streams: jobs in, results and failures out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from redis import Redis
from redis.exceptions import ResponseError

JOBS = "crawl:jobs"
RESULTS = "crawl:results"
FAILED = "crawl:failed"
GROUP = "crawlers"
KEPT = 10_000

_END_OF_OWN = "end"
# One step for Redis: nothing is recorded without ending the job, no job ends unrecorded, and one
# that ended elsewhere meanwhile (it was reclaimed) is not recorded twice.
_END = """
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XDEL', KEYS[1], ARGV[2])
if ARGV[3] == '0' then
    redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
else
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 4))
end
return 1
"""


@dataclass(frozen=True)
class Job:
    """One entry of crawl:jobs.

    Attributes:
        id: of the entry.
        url: as it was added; empty where the entry has none.
        attempts: how often it was handed out, this time included.
    """

    id: str
    url: str
    attempts: int


class Jobs:
    """Hands out jobs so that none is lost, and records each end in one transaction.

    A job stays pending until its end is recorded. A recorded job's entry is deleted, so what is
    in the stream is what is still to do, and trimming can never take a job away.
    """

    def __init__(self, redis: Redis, consumer: str, reclaim_idle_s: float) -> None:
        self._redis = redis
        self._consumer = consumer
        self._reclaim_idle_ms = int(reclaim_idle_s * 1000)
        self._own_after = "0"

    def prepare(self) -> None:
        """Make the group where it is not there, and start with the jobs that are already ours."""
        try:
            self._redis.xgroup_create(JOBS, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._own_after = "0"

    def next(self, block_ms: int) -> Job | None:
        """Return the next job: our own of before, another's forgotten one, or a new one.

        Args:
            block_ms: how long to wait for a new one, ms.
        """
        while self._own_after != _END_OF_OWN:
            entries = self._read(self._own_after)
            self._own_after = entries[0][0] if entries else _END_OF_OWN
            if entries:
                return self._job(*entries[0])
        claimed = self._redis.xautoclaim(
            JOBS, GROUP, self._consumer, self._reclaim_idle_ms, count=1
        )[1]
        if claimed:
            return self._job(*claimed[0])
        entries = self._read(">", block_ms)
        return self._job(*entries[0]) if entries else None

    def _read(
        self, after: str, block_ms: int | None = None
    ) -> list[tuple[str, dict[str, str] | None]]:
        answer = self._redis.xreadgroup(
            GROUP, self._consumer, {JOBS: after}, count=1, block=block_ms
        )
        return answer[0][1] if answer else []

    def _job(self, entry_id: str, fields: dict[str, str] | None) -> Job:
        found = self._redis.xpending_range(JOBS, GROUP, entry_id, entry_id, 1)
        attempts = int(found[0]["times_delivered"]) if found else 1
        return Job(entry_id, (fields or {}).get("url", ""), attempts)

    def succeeded(self, job: Job, file: str, url: str, sha256: str) -> None:
        """Record a result and end the job, both or neither."""
        self._end(job, RESULTS, {"file": file, "url": url, "sha256": sha256}, None)
        self._trim_results()

    def failed(self, job: Job, reason: str) -> None:
        """Record a failure and end the job, both or neither."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._end(job, FAILED, {"url": job.url, "reason": reason, "at": at}, KEPT)

    def _end(self, job: Job, stream: str, fields: dict[str, str], keep: int | None) -> None:
        pairs = [text for pair in fields.items() for text in pair]
        self._redis.eval(_END, 2, JOBS, stream, GROUP, job.id, keep or 0, *pairs)

    def _trim_results(self) -> None:
        """Drop old results that every group has read and acknowledged; never others."""
        surplus = self._redis.xlen(RESULTS) - KEPT
        if surplus <= 0:
            return
        oldest_open = []
        for group in self._redis.xinfo_groups(RESULTS):
            pending = self._redis.xpending(RESULTS, group["name"])
            oldest_open.append(pending["min"] or group["last-delivered-id"])
        if oldest_open:
            first = min(oldest_open, key=_order)
            self._redis.xtrim(RESULTS, minid=first, approximate=True, limit=surplus)


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


def add(redis: Redis, url: str) -> str:
    """Add a job and return its ID. The stream is not trimmed: it holds only what is to do."""
    return str(redis.xadd(JOBS, {"url": url}))
