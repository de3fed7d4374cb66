"""`python -m crawler.list`: what the crawler has to do, did, and could not do."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from redis.exceptions import RedisError

from crawler import settings, streams


def _added_at(entry_id: str) -> str:
    milliseconds = int(entry_id.partition("-")[0])
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def main(arguments: list[str] | None = None) -> int:
    """Print the newest entries of each stream, the newest first."""
    parser = argparse.ArgumentParser(prog="python -m crawler.list", description=__doc__)
    parser.add_argument("-n", type=int, default=10, help="entries a kind (default: 10)")
    count: int = parser.parse_args(arguments).n
    redis = settings.connect()
    try:
        print(f"to do: {redis.xlen(streams.JOBS)}")
        for _, fields in redis.xrange(streams.JOBS, count=count):
            print(f"  {fields.get('url')}")
        print(f"fetched: {redis.xlen(streams.RESULTS)}")
        for entry_id, fields in redis.xrevrange(streams.RESULTS, count=count):
            print(f"  {_added_at(entry_id)}  {fields.get('url')}  {fields.get('file')}")
        print(f"failed: {redis.xlen(streams.FAILED)}")
        for _, fields in redis.xrevrange(streams.FAILED, count=count):
            print(f"  {fields.get('at')}  {fields.get('url')!r}: {fields.get('reason')}")
    except RedisError as error:
        print(f"Redis: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
