"""The baseline record: what a host was before its first change, for teardown to put back."""
