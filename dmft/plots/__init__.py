"""Figures from solutions and files; nothing here solves."""
