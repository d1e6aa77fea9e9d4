"""A parameter point and how to solve it: validated tables, TOML in and out."""
