"""Files of each kind, made when a test needs them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import docx
import openpyxl
import pptx
from pypdf import PdfReader, PdfWriter

Line = tuple[int, int, str]


def pdf(*pages: Sequence[Line], title: str = "") -> bytes:
    """A PDF whose pages have texts at places (x, y); a page without any is a scan's."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "",
               "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
               f"<< /Title ({title}) >>"]
    kids = []
    for lines in pages:
        stream = "".join(f"BT /F1 12 Tf {x} {y} Td ({text}) Tj ET\n" for x, y, text in lines)
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}endstream")
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R "
            f">> >> /Contents {len(objects)} 0 R >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{one}\nendobj\n".encode("latin-1")
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    return out + (f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info 4 0 R >>\n"
                  f"startxref\n{start}\n%%EOF\n").encode()


def encrypted(body: bytes, password: str) -> bytes:
    """The same PDF with a password that is asked for when it is opened; empty: for changes."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(body)))
    writer.encrypt(password, owner_password="owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def word(*blocks: str | list[list[str]], heading: str = "") -> bytes:
    """A .docx of paragraphs and tables."""
    document = docx.Document()
    if heading:
        document.add_heading(heading, 1)
    for block in blocks:
        if isinstance(block, str):
            document.add_paragraph(block)
            continue
        table = document.add_table(len(block), len(block[0]))
        for row, words in zip(table.rows, block, strict=True):
            for cell, text in zip(row.cells, words, strict=True):
                cell.text = text
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def slides(*texts: tuple[str, str]) -> bytes:
    """A .pptx with a slide for each title and text."""
    presentation = pptx.Presentation()
    for title, text in texts:
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
    out = io.BytesIO()
    presentation.save(out)
    return out.getvalue()


def sheet(name: str, *rows: Sequence[object]) -> bytes:
    """A .xlsx with one sheet."""
    book = openpyxl.Workbook()
    book.active.title = name
    for row in rows:
        book.active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def archive(**members: bytes) -> bytes:
    """A ZIP archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, body in members.items():
            made.writestr(name.replace("__", "/"), body)
    return out.getvalue()
