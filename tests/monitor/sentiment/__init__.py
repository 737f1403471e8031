"""How they feel about us."""
