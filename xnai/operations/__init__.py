"""What pyinfra's own operations lack, one module a component."""
