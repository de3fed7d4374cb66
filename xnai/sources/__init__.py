"""`xnai sources`: settings to start from, read out of a checkout's own compose files."""
