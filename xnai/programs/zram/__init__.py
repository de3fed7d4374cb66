"""What the host's own zram-generator makes of its files."""
