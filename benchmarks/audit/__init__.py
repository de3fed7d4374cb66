"""How long `xnai audit` takes, and how often it is right: measurements with their raw data."""
