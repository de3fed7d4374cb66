"""How a host reaches registries, indexes and mirrors: through a proxy, with credentials."""
