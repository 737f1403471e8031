"""What the program remembers: nouns, tables and queries."""
