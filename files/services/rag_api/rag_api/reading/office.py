"""Word, PowerPoint and Excel files of 2007 and later, each by the package that knows it.

Cells of a row stand on one line, with a bar between them: a sentence of a table is its row.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from service_common.texts import cleaned

from rag_api.reading.parts import Content, Part, Unreadable

_BAR = " | "
_MOST_ROWS = 100_000


def read(body: bytes, most_unpacked_bytes: int) -> Content:
    """Return what is written in an Office file.

    Args:
        body: the file.
        most_unpacked_bytes: what it may unpack to; a small file can hold a thousand times its size.

    Raises:
        Unreadable: it is another archive, damaged, too large, or has no text.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = archive.namelist()
            unpacked = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise Unreadable(f"it is damaged: {error}") from None
    if unpacked > most_unpacked_bytes:
        raise Unreadable(
            f"it unpacks to {unpacked >> 20} MiB; allowed are {most_unpacked_bytes >> 20} MiB"
        )
    of_kind = {"word/": _word, "ppt/": _slides, "xl/": _sheets}
    kind = next((one for one in of_kind if any(name.startswith(one) for name in names)), None)
    if kind is None:
        raise Unreadable("it is an archive; unpack it, and bring its files in")
    try:
        content = of_kind[kind](io.BytesIO(body))
    except (MemoryError, Unreadable):
        raise
    except Exception as error:  # whatever the parsers make of a damaged file
        raise Unreadable(f"it is damaged: {type(error).__name__}: {error}") from error
    if not content.parts:
        raise Unreadable("there is no text in it")
    return content


def _row(cells: list[str]) -> str:
    words = [" ".join(cleaned(cell).split()) for cell in cells]
    return _BAR.join(word for word in words if word)


def _word(file: io.BytesIO) -> Content:
    import docx
    from docx.table import Table

    document = docx.Document(file)
    heading, blocks = "", []
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            blocks.append("\n".join(filter(None, _table(block))))
            continue
        text = cleaned(block.text)
        if text and (block.style.name if block.style else "").startswith(("Heading", "Title")):
            heading = heading or text
            text = f"# {text}"
        blocks.append(text)
    text = "\n\n".join(filter(None, blocks))
    return Content(heading, (Part("", text),) if text else ())


def _table(table: Any) -> Iterator[str]:
    """Yield a table's rows; a merged cell is there once."""
    for row in table.rows:
        cells = {id(cell._tc): cell.text for cell in row.cells}  # noqa: SLF001
        yield _row(list(cells.values()))


def _slides(file: io.BytesIO) -> Content:
    import pptx

    parts = []
    heading = ""
    for number, slide in enumerate(pptx.Presentation(file).slides, 1):
        texts = list(_shapes(slide.shapes))
        if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame):
            texts.append(cleaned(frame.text))
        if text := "\n\n".join(filter(None, texts)):
            parts.append(Part(f"slide {number}", text))
        title = slide.shapes.title
        heading = heading or (cleaned(title.text) if title is not None else "")
    return Content(heading, tuple(parts))


def _shapes(shapes: Any) -> Iterator[str]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        elif shape.has_text_frame:
            yield cleaned(shape.text_frame.text)
        elif getattr(shape, "has_table", False):
            yield "\n".join(_row([cell.text for cell in row.cells]) for row in shape.table.rows)


def _sheets(file: io.BytesIO) -> Content:
    import openpyxl

    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    parts, left_out = [], []
    for sheet in book.worksheets:
        rows = []
        for number, row in enumerate(sheet.iter_rows(values_only=True)):
            if number == _MOST_ROWS:
                left_out.append(f"sheet {sheet.title} was read up to row {_MOST_ROWS}")
                break
            rows.append(_row([str(cell) for cell in row if cell is not None]))
        # A row is a paragraph: one passage holds as many as fit.
        if text := "\n\n".join(filter(None, rows)):
            parts.append(Part(f"sheet {sheet.title}", text))
    return Content("", tuple(parts), "; ".join(left_out))
