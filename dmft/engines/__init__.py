"""Engines: one for each kind of equations; each advances a history step by step."""
