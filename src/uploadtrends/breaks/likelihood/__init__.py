"""What one series says about its changes: AR(1) likelihood over gaps, laws of chance, dates."""
