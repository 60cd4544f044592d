"""Models whose unit is the artist: uploads while at risk, going silent, and contrasts of groups."""
