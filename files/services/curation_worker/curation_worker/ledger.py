"""Which text is in the index under which document, in Redis.

    curation:content            text's hash -> the document that has it in the index
    curation:documents          document -> its text's hash, ingested or duplicate
    curation:duplicates:<hash>  document -> its entry: the same text under other URLs

It is written only after the RAG API has the document. Where the index was emptied, empty this
too: `redis-cli --scan --pattern 'curation:*' | xargs redis-cli del`, and add the pages again.
"""

from __future__ import annotations

import json

from redis import Redis

from curation_worker.library import Page
from curation_worker.streams import GROUP, RESULTS, Entry

CONTENT = "curation:content"
DOCUMENTS = "curation:documents"
DUPLICATES = "curation:duplicates:"

# One step for Redis. Where the text's owner is another one than the caller thinks, nothing is
# written and the owner is returned (false where there is none): two workers may have had the same
# text in hand.
# A page that had another text before lets go of it: its duplicates are put into the stream again,
# since nobody has that text in the index any more.
_SETTLE = """
local results, content, documents = KEYS[1], KEYS[2], KEYS[3]
local group, entry, id, hash, duplicates, fields = unpack(ARGV)
local owner = redis.call('HGET', content, hash)
local is_duplicate = fields ~= ''
if is_duplicate then
    if not owner or owner == id then return {0, owner} end
elseif owner and owner ~= id then
    return {0, owner}
end
local former = redis.call('HGET', documents, id)
if former and former ~= hash then
    if redis.call('HGET', content, former) == id then
        redis.call('HDEL', content, former)
        for _, waiting in ipairs(redis.call('HVALS', duplicates .. former)) do
            redis.call('XADD', results, '*', unpack(cjson.decode(waiting)))
        end
        redis.call('DEL', duplicates .. former)
    else
        redis.call('HDEL', duplicates .. former, id)
    end
end
if is_duplicate then
    redis.call('HSET', duplicates .. hash, id, fields)
else
    redis.call('HSET', content, hash, id)
    redis.call('HDEL', duplicates .. hash, id)
end
redis.call('HSET', documents, id, hash)
redis.call('XACK', results, group, entry)
return {1, owner}
"""


class Ledger:
    """The three keys, and the acknowledgement that goes with them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def owner(self, content_hash: str) -> str | None:
        """Return the document that has a text in the index."""
        found: str | None = self._redis.hget(CONTENT, content_hash)
        return found

    def ingested(self, entry: Entry, page: Page) -> bool:
        """Record that a page is in the index and end its entry.

        Returns:
            False, with nothing done: another document has the same text since.
        """
        return self._settle(entry, page, "")

    def duplicate(self, entry: Entry, page: Page) -> bool:
        """Record that another document has a page's text and end its entry.

        Returns:
            False, with nothing done: no other document has it any more.
        """
        fields = ["file", entry.file, "url", entry.url, "sha256", entry.sha256]
        return self._settle(entry, page, json.dumps(fields))

    def _settle(self, entry: Entry, page: Page, fields: str) -> bool:
        settled, *_ = self._redis.eval(
            _SETTLE, 3, RESULTS, CONTENT, DOCUMENTS,
            GROUP, entry.id, page.id, page.content_hash, DUPLICATES, fields,
        )
        return bool(settled)
