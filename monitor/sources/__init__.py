"""What goes on between two runs of a source: its pace, its budget, and what it owes to those whose posts it keeps."""
