"""One look at a machine before a deploy: a script, and its output as typed values."""
