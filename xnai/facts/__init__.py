"""What a host is now: one pyinfra fact a component, each read by one remote command."""
