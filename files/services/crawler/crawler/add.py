"""`python -m crawler.add URL…`: give the crawler work."""

from __future__ import annotations

import argparse
import sys

from redis.exceptions import RedisError

from crawler import settings, streams, urls


def main(arguments: list[str] | None = None) -> int:
    """Add the URLs that may be fetched; return 1 where one may not, and say why."""
    parser = argparse.ArgumentParser(prog="python -m crawler.add", description=__doc__)
    parser.add_argument("url", nargs="+", help="http or https, of an allowed domain")
    wanted: list[str] = parser.parse_args(arguments).url
    allow = settings.allowed()
    redis = settings.connect()
    exit_code = 0
    for text in wanted:
        try:
            url = urls.parse(text)
            reason = allow.why_not_site(url)
        except urls.BadUrl as error:
            reason = str(error)
        if reason:
            print(f"not added: {reason}", file=sys.stderr)
            exit_code = 1
            continue
        try:
            print(f"added {url} as job {streams.add(redis, str(url))}")
        except RedisError as error:
            print(f"not added: Redis: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
