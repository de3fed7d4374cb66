"""The services of the stack: a file each, found by looking into this directory."""
