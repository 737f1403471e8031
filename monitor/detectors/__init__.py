"""Detectors: each gets numbers and mentions, and returns signals; none fetches or stores."""
