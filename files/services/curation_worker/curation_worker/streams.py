"""The Redis stream of crawled pages: entries in, failures out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from redis import Redis
from redis.exceptions import ResponseError

RESULTS = "crawl:results"
FAILED = "crawl:failed"
GROUP = "curators"
KEPT = 10_000

_END_OF_OWN = "end"
_PAGE = 1000


@dataclass(frozen=True)
class Entry:
    """One entry of crawl:results.

    Attributes:
        id: of the entry.
        file, url, sha256: as it was added; empty where the entry has none.
        deliveries: how often it was handed out, this time included.
    """

    id: str
    file: str
    url: str
    sha256: str
    deliveries: int


class Results:
    """Hands out entries so that none is lost: each stays pending until it is acknowledged.

    Acknowledged entries stay in the stream, for other groups; the crawler trims it.
    """

    def __init__(self, redis: Redis, consumer: str, reclaim_idle_s: float) -> None:
        self._redis = redis
        self._consumer = consumer
        self._reclaim_idle_ms = int(reclaim_idle_s * 1000)
        self._own_after = "0"
        self._claim_from = "0-0"

    def prepare(self) -> None:
        """Make the group where it is not there, and start with the entries already ours."""
        try:
            self._redis.xgroup_create(RESULTS, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._own_after = "0"

    def next(self, block_ms: int) -> Entry | None:
        """Return the next entry: our own of before, another's forgotten one, or a new one.

        Args:
            block_ms: how long to wait for a new one, ms.
        """
        while self._own_after != _END_OF_OWN:
            entries = self._read(self._own_after, None)
            self._own_after = entries[0][0] if entries else _END_OF_OWN
            if entries:
                return self._entry(*entries[0])
        # The place where the last call stopped: one call looks at a few entries only.
        self._claim_from, claimed, *_ = self._redis.xautoclaim(
            RESULTS, GROUP, self._consumer, self._reclaim_idle_ms, self._claim_from, count=1
        )
        if claimed:
            return self._entry(*claimed[0])
        entries = self._read(">", block_ms if self._claim_from == "0-0" else None)
        return self._entry(*entries[0]) if entries else None

    def _read(
        self, after: str, block_ms: int | None
    ) -> list[tuple[str, dict[str, str] | None]]:
        answer = self._redis.xreadgroup(
            GROUP, self._consumer, {RESULTS: after}, count=1, block=block_ms
        )
        return answer[0][1] if answer else []

    def _entry(self, entry_id: str, fields: dict[str, str] | None) -> Entry:
        found = self._redis.xpending_range(RESULTS, GROUP, entry_id, entry_id, 1)
        deliveries = int(found[0]["times_delivered"]) if found else 1
        known = fields or {}
        return Entry(
            entry_id, known.get("file", ""), known.get("url", ""), known.get("sha256", ""),
            deliveries,
        )

    def keep(self, entry: Entry) -> None:
        """Say that an entry is still being worked on, so that nobody takes it over."""
        self._redis.xclaim(RESULTS, GROUP, self._consumer, 0, [entry.id], justid=True)

    def newer(self, entry: Entry) -> bool:
        """Return whether a later entry speaks of the same file."""
        after = entry.id
        while page := self._redis.xrange(RESULTS, min=f"({after}", count=_PAGE):
            if any(fields.get("file") == entry.file for _, fields in page):
                return True
            after = page[-1][0]
        return False

    def failed(self, entry: Entry, reason: str) -> None:
        """Record a failure and end the entry, both or neither."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with self._redis.pipeline(transaction=True) as both:
            both.xadd(
                FAILED, {"url": entry.url, "reason": reason, "at": at}, maxlen=KEPT,
                approximate=True,
            )
            both.xack(RESULTS, GROUP, entry.id)
            both.execute()

    def done(self, entry: Entry) -> None:
        """End an entry that needs nothing."""
        self._redis.xack(RESULTS, GROUP, entry.id)
