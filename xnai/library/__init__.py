"""The library of a stack from the command line: bring in, ask, list, remove."""
