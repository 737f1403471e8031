"""Channels: each module is one way to people."""
