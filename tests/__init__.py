"""Tests, in the order of the packages they hold to account."""
