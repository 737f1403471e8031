"""What is happening: the pure middle, the assembly and the commands."""
