"""Gradient flow of a two-layer network (Montanari & Urbani, NeurIPS 2025)."""
