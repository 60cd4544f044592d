"""Ways to estimate one prepared series; `by_name` is the only door to them."""
