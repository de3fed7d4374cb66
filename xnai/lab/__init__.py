"""Throw-away machines to try the project on and to test it with."""
