"""What goes out: the policy, the outbox and the channels."""
