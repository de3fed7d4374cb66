"""What every command on a host has around it: a time limit, a lease, and content by its input."""
