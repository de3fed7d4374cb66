"""Preflight: looks at a host, judges everything at once, and changes nothing."""
