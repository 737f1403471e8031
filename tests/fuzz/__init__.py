"""What nobody would write, for everything that reads what others wrote."""
