"""The HTTP interface. `uvicorn rag_api.main:app` serves it."""

from __future__ import annotations

import hmac
import logging
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from service_common.guard import Guard
from starlette.concurrency import run_in_threadpool

from rag_api import settings as settings_of
from rag_api.answers import Answers, Looked
from rag_api.body_limit import BodyLimit
from rag_api.cache import AnswerCache
from rag_api.disconnect import ClosedStream, unless_gone
from rag_api.embedder import WordLlamaEmbedder
from rag_api.encoder import MiniLmEncoder
from rag_api.examples import Examples
from rag_api.extract import Extractor
from rag_api.generator import Generator
from rag_api.index import Index
from rag_api.opening import Unusable
from rag_api.reading.parts import Unreadable
from rag_api.schema import About, IngestIn, LibraryOut, PassageOut, QueryIn, Uploaded
from rag_api.uploads import TooLong, Uploads
from rag_api.wording import sentences

logging.basicConfig(
    stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
)
logging.getLogger("httpx").setLevel(logging.WARNING)
_LOG = logging.getLogger("rag_api")

_settings = settings_of.load()
_embedder = WordLlamaEmbedder()
_index = Index(_settings.data_dir, _embedder)
_extractor = Extractor(_embedder, MiniLmEncoder())
_cache = AnswerCache(_settings)
_uploads = Uploads(_settings.data_dir, _settings.max_file_bytes)
_generator = Generator(_settings)
_answers = Answers(
    _index, _extractor, _cache, _generator,
    _settings.llm_context_tokens - _settings.llm_answer_tokens, _settings.with_model,
)
_examples = Examples(_index, _extractor)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Open the index. One that cannot be used is no reason to end: /ready says what is wrong."""
    try:
        _index.open()
        _LOG.info("index: %d documents, %d passages", *_index.counts())
    except Unusable as error:
        _LOG.error("index: %s", error)
    _LOG.info("model: %s at %s", _settings.llm_model, _settings.llm_url or "no LLM_URL")
    yield
    _index.close()
    await _generator.close()
    await _cache.close()


# No pages for people: theirs load scripts from a server elsewhere.
_api = FastAPI(title="RAG API", docs_url=None, redoc_url=None, lifespan=_lifespan)
app = Guard(
    BodyLimit(_api, _settings.max_body_bytes, settings_of.BODY_SETTING, without=("/files",)),
    _settings.allowed_hosts,
    _settings.allowed_origins,
    json_only=True,
    hosts_setting=settings_of.HOSTS_SETTING,
    origins_setting=settings_of.ORIGINS_SETTING,
)


@_api.exception_handler(RequestValidationError)
async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"detail": sentences(error.errors())}, 422)


@_api.exception_handler(Unusable)
async def _unusable(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": f"index: {error}"}, 503)


def _with_token(authorization: Annotated[str, Header()] = "") -> None:
    """Let only the holder of the secret ingest_token through."""
    token = _settings.ingest_token
    if token is None:
        raise HTTPException(503, "ingest is off: this service has no secret ingest_token")
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        given.strip().encode(), token.encode()
    ):
        raise HTTPException(
            401, "send `Authorization: Bearer` with the secret ingest_token",
            {"WWW-Authenticate": "Bearer"},
        )


@_api.get("/health")
async def health() -> dict[str, str]:
    """Say that the process serves."""
    return {"status": "healthy"}


@_api.get("/ready")
async def ready() -> Response:
    """Say whether Redis and the index can be used, and whether a model is up."""
    redis = await _cache.ping()
    index: dict[str, int] | str
    try:
        await run_in_threadpool(_index.open)
        documents, passages = await run_in_threadpool(_index.counts)
        index = {"passages": passages, "documents": documents}
    except Unusable as error:
        index = str(error)
    good = redis == "PONG" and isinstance(index, dict)
    content = {
        "status": "ready" if good else "not ready",
        "redis": redis,
        "index": index,
        "model": await _generator.status(),
    }
    return JSONResponse(content, 200 if good else 503)


@_api.post("/ingest", dependencies=[Depends(_with_token)])
def ingest(body: IngestIn) -> dict[str, int]:
    """Write documents into the index, all or none."""
    done = _index.ingest([document.document() for document in body.documents])
    _LOG.info(
        "ingest: %d documents written, %d unchanged, %d passages",
        done.ingested, done.unchanged, done.passages,
    )
    return {"ingested": done.ingested, "unchanged": done.unchanged, "passages": done.passages}


@_api.post("/files", dependencies=[Depends(_with_token)])
async def files(
    request: Request, source: Annotated[str, Query(min_length=1, max_length=4000)]
) -> Uploaded:
    """Write a file into the index: its body is the file itself, `source` its path or address."""
    try:
        document, notice = await _uploads.document(source, request.stream())
    except TooLong:
        raise HTTPException(
            413, f"the file is longer than {_settings.max_file_bytes >> 20} MiB "
                 f"({settings_of.FILE_SETTING})", {"Connection": "close"},
        ) from None
    except Unreadable as error:
        raise HTTPException(422, str(error)) from None
    done = await run_in_threadpool(_index.ingest, [document])
    _LOG.info("files: %d passages, %s", len(document.passages),
              "written" if done.ingested else "unchanged")
    return Uploaded(
        id=document.id, title=document.title, passages=len(document.passages),
        unchanged=not done.ingested, notice=notice,
    )


@_api.get("/library")
def library(
    after: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 1000
) -> LibraryOut:
    """List documents in the order of their ids, those after an id."""
    return LibraryOut(documents=_index.listed(after, limit))


@_api.get("/library/{document_id:path}")
def document(document_id: str) -> list[PassageOut]:
    """Return a document's passages."""
    passages = _index.document(document_id)
    if not passages:
        raise _no_document(document_id)
    return [PassageOut(text=one.text, place=one.place) for one in passages]


def _no_document(document_id: str) -> HTTPException:
    return HTTPException(404, f"no document {document_id[:200]!r} in the index")


@_api.get("/about")
async def about() -> About:
    """Say what is in the library, who answers and how fast, and what one could ask."""
    documents, passages = await run_in_threadpool(_index.counts)
    with_model = _settings.with_model and _generator.configured
    return About(
        documents=documents, passages=passages,
        model=_generator.model if with_model else None,
        model_status=await _generator.status() if with_model else "not asked",
        extract_s=_answers.speed.extract_s, tokens_per_s=_answers.speed.pieces_per_s,
        examples=await run_in_threadpool(_examples.questions),
        max_file_mib=_settings.max_file_bytes >> 20,
    )


@_api.delete("/ingest/{document_id:path}", dependencies=[Depends(_with_token)])
def remove(document_id: str) -> dict[str, str]:
    """Remove a document from the index."""
    if not _index.remove(document_id):
        raise _no_document(document_id)
    _LOG.info("ingest: one document removed")
    return {"removed": document_id}


@_api.post("/query")
async def query(body: QueryIn, request: Request) -> Response:
    """Answer a question from the index: as lines of JSON, or as one object."""
    looked = await _answers.search(body.question, body.top_k)
    if body.stream:
        return ClosedStream(_ndjson(body.question, looked), "application/x-ndjson")
    whole = await unless_gone(request, _answers.whole(body.question, looked))
    # Nobody reads what goes to a client that is gone.
    return Response() if whole is None else JSONResponse(whole.model_dump())


async def _ndjson(question: str, looked: Looked) -> AsyncGenerator[str, None]:
    async with aclosing(_answers.lines(question, looked)) as lines:
        async for line in lines:
            yield line.model_dump_json() + "\n"
