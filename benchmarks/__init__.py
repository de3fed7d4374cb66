"""Side-by-side measurements; `make bench`. Raw results are kept in benchmarks/results/."""
