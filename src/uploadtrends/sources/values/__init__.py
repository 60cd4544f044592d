"""What a cell says: dates, ids, truth, and the words for nothing."""
