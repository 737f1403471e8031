"""What survives when processes are killed, stopped and started."""
