"""What every plug-in is held to; the plug-ins are found, not listed."""
