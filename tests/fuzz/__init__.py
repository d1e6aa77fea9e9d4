"""Fuzzers: damaged files and odd problem files, given to every command; run one longer with `python -m tests.fuzz.hdf5`."""
