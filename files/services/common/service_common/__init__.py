"""What every service of ours needs, from the standard library alone; part of the base image."""
