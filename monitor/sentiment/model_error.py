"""What is wrong with a file or folder that should be a model."""

from __future__ import annotations


class ModelError(ValueError):
    """It is not a model, or not one that this version can use; the message says what to do."""
