"""Which brands a post is about: folding, terms, one automaton over all of them, and how sure a match is."""

from monitor.matching.matcher import Matcher

__all__ = ["Matcher"]
