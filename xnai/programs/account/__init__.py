"""Accounts of Vikunja's, made on the host by its own program."""
