"""Run files: what is in them, writing, reading, continuing."""
