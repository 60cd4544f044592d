"""One file a site, with that site's oddities in it and nowhere else."""
