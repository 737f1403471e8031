"""Sentiment toward the brand: what a scorer is, and the scorers."""
