"""One consistent archive of the stack's data: the program on the host, and its bundling."""
