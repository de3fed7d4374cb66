"""The program that looks at a host: standard library alone, read-only, bounded in time and size."""
