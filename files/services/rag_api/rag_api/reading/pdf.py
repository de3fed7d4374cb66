"""PDF, page by page.

By pypdf: it gives a table's cells row by row, where pdfminer.six and what stands on it read a table
of three columns by its columns, and rotated text backwards.
"""

from __future__ import annotations

import io

from service_common.texts import cleaned

from rag_api.reading.parts import Content, Part, Unreadable


def read(body: bytes) -> Content:
    """Return a PDF's pages.

    Raises:
        Unreadable: it is encrypted, damaged, or has no text.
    """
    # Half a second to import; only a PDF needs it.
    import pypdf
    from pypdf.errors import DependencyError

    try:
        reader = pypdf.PdfReader(io.BytesIO(body))
        # Many have a password for changes alone, and are read with an empty one.
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("it is encrypted; save a copy without a password")
        pages = [cleaned(page.extract_text()) for page in reader.pages]
    except DependencyError:
        raise Unreadable("it is encrypted (AES); save a copy without a password") from None
    except (MemoryError, Unreadable):
        raise
    except Exception as error:  # whatever the parser makes of a damaged file
        raise Unreadable(f"it is damaged: {type(error).__name__}: {error}") from error
    if not any(pages):
        raise Unreadable(
            f"its {len(pages)} pages hold no text, as of a scan; make it searchable first, for "
            "example with ocrmypdf"
        )
    empty = pages.count("")
    # Its own title is mostly what some program wrote there, as `Microsoft Word - doc1`.
    return Content(
        "", tuple(Part(f"page {n}", text) for n, text in enumerate(pages, 1) if text),
        f"{empty} of {len(pages)} pages hold no text" if empty else "",
    )
