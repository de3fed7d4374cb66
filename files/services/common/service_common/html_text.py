"""The text that a person reads on a page of HTML. Needs trafilatura in the service's lock."""

from __future__ import annotations

from service_common.texts import cleaned

_TITLE_LONGEST = 300
# What a browser does not show, and trafilatura 2.3.1 keeps in part: a template's content, and what
# is marked as hidden.
_UNSHOWN = (
    "//script | //style | //template | //noscript | //*[@hidden] | //*[@aria-hidden='true'] | "
    "//*[contains(translate(@style, ' ', ''), 'display:none')] | "
    "//*[contains(translate(@style, ' ', ''), 'visibility:hidden')]"
)


class Unreadable(Exception):
    """Why there is no text; the text is for whoever brought the page."""


def html_text(html: str, url: str | None = None) -> tuple[str, str]:
    """Return the title and the text of a page; either may be empty.

    Args:
        html: its source.
        url: where it comes from.

    Raises:
        Unreadable: the parsers give up.
    """
    # They take half a second to import, and only a page needs them.
    import lxml.html
    import trafilatura

    try:
        tree = lxml.html.document_fromstring(html.encode("utf-8", "replace"),
                                             parser=lxml.html.HTMLParser(encoding="utf-8"))
        for element in tree.xpath(_UNSHOWN):
            if element.getparent() is not None:
                element.drop_tree()
        found = trafilatura.bare_extraction(
            tree, url=url, include_comments=False, with_metadata=True
        )
    except MemoryError:
        raise  # of the process, not of the page
    except lxml.etree.ParserError:
        return "", ""  # an empty page
    except Exception as error:  # whatever the parsers make of hostile input
        raise Unreadable(f"the page cannot be read: {type(error).__name__}: {error}") from error
    if found is None or isinstance(found, dict):
        return "", ""
    title = " ".join(cleaned(found.title).split())[:_TITLE_LONGEST]
    return title, cleaned(found.text)
