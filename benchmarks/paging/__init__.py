"""Whether the right people are woken, on real history: configurations of corpora, and the command that scores them."""
