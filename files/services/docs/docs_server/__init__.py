"""Serves the handbook: static files, with the standard library alone."""
