"""The made story that `tocsin demo` tells: a made company, made customers, no real person or firm."""
