"""Work spread over the processors of one machine, or over several machines."""
