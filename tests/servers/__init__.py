"""Local servers that speak the protocols of platforms, so that what talks to them is the real thing."""
