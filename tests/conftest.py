"""What every test may ask for."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.storage.fixtures"]

# The same examples in every run: a failure is the change's, never the draw's.
settings.register_profile("tocsin", derandomize=True, deadline=None, database=None)
settings.load_profile("tocsin")
