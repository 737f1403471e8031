"""How fast millions of stored posts are read back."""
