"""A baseline as Markdown, as a page, and as a picture."""
