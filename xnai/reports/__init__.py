"""Reports from what was measured, into the user's own repository: `xnai report`."""
