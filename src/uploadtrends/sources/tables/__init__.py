"""From the rows of a table to works: what repeats, what contradicts, what is staged."""
