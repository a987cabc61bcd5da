"""One promise per file; names that start with an underscore are helpers."""
