"""Findings and tables, in words that can be read at 2 a.m."""
