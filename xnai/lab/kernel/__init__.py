"""The kernel of user-mode Linux machines, built once from Debian's source."""
