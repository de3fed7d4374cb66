"""A language model's file: what its header says, and the memory that it needs."""
