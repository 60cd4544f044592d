"""What a statistician asks of a fit: its equation, forecasts, other methods, a bootstrap."""
