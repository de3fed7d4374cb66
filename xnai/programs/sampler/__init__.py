"""The memory sampler: what runs on the host uses the standard library of its Python alone."""
