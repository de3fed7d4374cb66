"""What runs on the host: the standard library of its Python alone."""
