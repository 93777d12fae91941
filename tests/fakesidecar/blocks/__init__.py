"""Facts about single building blocks, observed through the wire."""
