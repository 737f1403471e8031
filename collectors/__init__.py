"""Where posts come in: one module a source, all behind `collectors.contract`."""
