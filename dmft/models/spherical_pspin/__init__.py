"""Spherical mixed p-spin glass."""
