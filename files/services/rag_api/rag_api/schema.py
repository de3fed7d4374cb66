"""What comes in and goes out over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from service_common.passages import split

from rag_api.documents import PASSAGE_CHARACTERS, Document, Listed

Filled = StringConstraints(strip_whitespace=True, min_length=1)


class _Strict(BaseModel):
    # A misspelt name is an error, not a default.
    model_config = ConfigDict(extra="forbid")


class DocumentIn(_Strict):
    """A document: its passages, or a text that is cut into passages here."""

    id: Annotated[str, Filled, Field(max_length=512)]
    title: Annotated[str, Filled, Field(max_length=1000)]
    source: Annotated[str, Field(max_length=4000)] = ""
    passages: (
        Annotated[
            list[Annotated[str, Filled, Field(max_length=PASSAGE_CHARACTERS)]],
            Field(min_length=1),
        ]
        | None
    ) = None
    text: Annotated[str, Filled] | None = None
    places: list[Annotated[str, Field(max_length=200)]] = []
    file_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.passages is None) == (self.text is None):
            raise ValueError("either `passages` or `text` is needed")
        if self.places and len(self.places) != len(self.passages or ()):
            raise ValueError("`places` has one entry for each of `passages`")
        return self

    def document(self) -> Document:
        """Return it as the index takes it."""
        passages = self.passages if self.passages is not None else split(self.text or "")
        return Document(
            self.id, self.title, self.source, tuple(passages), tuple(self.places), self.file_sha256
        )


class IngestIn(_Strict):
    """The body of POST /ingest."""

    documents: Annotated[list[DocumentIn], Field(min_length=1)]


class QueryIn(_Strict):
    """The body of POST /query."""

    question: Annotated[str, Filled, Field(max_length=2000)]
    top_k: Annotated[int, Field(ge=1, le=20)] = 4
    stream: bool = True


class Source(BaseModel):
    """A passage with its number; the higher its score (0 to 1), the better it fits."""

    n: int
    document: str
    title: str
    source: str
    text: str
    score: float
    place: str = ""


class Sources(BaseModel):
    """The first line of an answer."""

    type: Literal["sources"] = "sources"
    sources: list[Source]


class Quoted(BaseModel):
    """A sentence, word for word, with the number of the passage that it stands in."""

    n: int
    text: str


class Extract(BaseModel):
    """The sentences of the passages that answer best; the second line of an answer."""

    type: Literal["extract"] = "extract"
    quotes: list[Quoted]


class Model(BaseModel):
    """Whose text follows."""

    type: Literal["model"] = "model"
    name: str


class Token(BaseModel):
    """A piece of the model's text: whole sentences that the passages support."""

    type: Literal["token"] = "token"
    text: str


class Notice(BaseModel):
    """Why there is no answer, or not the whole of it."""

    type: Literal["notice"] = "notice"
    text: str


class Done(BaseModel):
    """The last line of an answer."""

    type: Literal["done"] = "done"


Line = Sources | Extract | Model | Token | Notice | Done


class Answer(BaseModel):
    """An answer as one object.

    Attributes:
        answer: the model's text where a model has answered, else the quoted sentences, each with
            the number of its source.
        model: whose text it is; None: the passages' own.
    """

    answer: str
    model: str | None
    extract: list[Quoted]
    sources: list[Source]
    notice: str | None


class Uploaded(BaseModel):
    """What became of a file.

    Attributes:
        notice: what could not be read of it; empty: nothing was left out.
    """

    id: str
    title: str
    passages: int
    unchanged: bool
    notice: str


class LibraryOut(BaseModel):
    """A part of the list."""

    documents: list[Listed]


class PassageOut(BaseModel):
    """A passage of one document."""

    text: str
    place: str


class About(BaseModel):
    """What there is to ask, and who answers.

    Attributes:
        model: whose text follows the quoted sentences; None: nobody's.
        model_status: up, down, or not asked.
        extract_s: the median time of search and extract since the start, in seconds.
        tokens_per_s: the same of the model's text, in pieces a second.
        examples: questions that the library answers.
        max_file_mib: how long a file may be, in MiB.
    """

    documents: int
    passages: int
    model: str | None
    model_status: str
    extract_s: float | None
    tokens_per_s: float | None
    examples: list[str]
    max_file_mib: int
