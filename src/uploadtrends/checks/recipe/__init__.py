"""The cohort recipe of the paper at any cut year: its windows, shape, sizes, and their verdict."""
