"""Settings: declared once, read from group_data, checked, derived, one typed object a host."""
