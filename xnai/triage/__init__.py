"""What is wrong on a host, why, and what to do: collect, parse, judge, render."""
