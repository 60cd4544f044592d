"""Series on a calendar: their periods, their grid, and one way to name them."""
