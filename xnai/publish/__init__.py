"""The reports and rendered files into git: looked through for secrets, and never by force."""
