"""A judgement for a terminal, as Markdown, and as JSON."""
