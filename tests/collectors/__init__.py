"""Sources, each against a local server that speaks its platform's protocol."""
