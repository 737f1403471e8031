"""How fast the path is, as ratios to the bare loop over vaderSentiment in the same run."""
