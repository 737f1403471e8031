"""Reports: the post-mortem of an incident, and the brief of a week or a month, as pages and as PDF."""
