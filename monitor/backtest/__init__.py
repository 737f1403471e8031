"""What stored history would have done under other configurations, side by side."""
