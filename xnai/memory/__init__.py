"""Compressed swap and reclaim settings: files, sysctls, capacity."""
