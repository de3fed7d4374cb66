"""One run: its hosts and settings, what waits, progress, the last lines, pyinfra itself."""
