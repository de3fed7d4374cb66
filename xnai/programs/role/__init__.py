"""The password of the database's role, made what its secret says."""
