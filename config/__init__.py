"""What the operator decided: the shape of tocsin.toml, its defaults and its loading."""
