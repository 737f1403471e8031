"""Whole days, read as a specification."""
