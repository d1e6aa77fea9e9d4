"""Sweeps: a grid of problems, solved by any number of processes into a folder of run files, and collected into one table."""
