"""Numbered tasks shared out among processes or MPI ranks, and file locks; independent of the tasks themselves."""
