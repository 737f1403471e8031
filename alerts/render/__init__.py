"""Renderings of one page: Slack blocks, HTML and plain mail, one line, and the picture of its curve."""
