"""Reading a file in a process of its own: a small file can unpack to gigabytes, or crash a parser."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from service_common.apart import Limits, TooMuch, call_apart

from rag_api.documents import Document
from rag_api.reading.document import document_of
from rag_api.reading.kinds import content_of, kind_of, prepare
from rag_api.reading.parts import Unreadable

# A PDF of 1,000 pages takes 20 s and 120 MiB.
LIMITS = Limits(cpu_s=120, more_mib=256)


def read_apart(
    source: str, body: bytes, most_unpacked_bytes: int, limits: Limits = LIMITS
) -> tuple[Document, str]:
    """Return a file as a document, and what could not be read of it (or nothing).

    Only for a process with one thread.

    Args:
        source: path or address that it comes from.
        body: the file.
        most_unpacked_bytes: what an Office file may unpack to.
        limits: of the reading.

    Raises:
        Unreadable: it has no text for us, and why.
    """
    kind = kind_of(source, body)
    if kind == "text":
        # Decoding is no risk, and a process for each of a thousand notes takes a minute.
        content = content_of(source, body, most_unpacked_bytes)
        return document_of(source, body, content), content.notice
    prepare(kind)

    def said() -> dict[str, Any]:
        try:
            content = content_of(source, body, most_unpacked_bytes)
            return {"document": asdict(document_of(source, body, content)),
                    "notice": content.notice}
        except Unreadable as error:
            return {"failed": str(error)}

    try:
        return document_and_notice(call_apart(limits, said))
    except TooMuch:
        raise Unreadable(
            f"reading it takes more than {limits.cpu_s} s or {limits.more_mib} MiB, or it is damaged"
        ) from None


def document_and_notice(said: dict[str, Any]) -> tuple[Document, str]:
    """Return the document and the notice of what a reading said as JSON.

    Raises:
        Unreadable: it said why there is none.
    """
    if "failed" in said:
        raise Unreadable(said["failed"])
    fields = said["document"]
    return Document(**{
        **fields, "passages": tuple(fields["passages"]), "places": tuple(fields["places"]),
    }), said["notice"]
