"""New values for the stack's secrets, made on the host; back to the old ones where that fails."""
