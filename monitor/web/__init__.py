"""The web page and the API: what is going on, for people and for programs."""
