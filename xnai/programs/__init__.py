"""Programs that run on the host by its own Python, packed as one file each."""
