"""Hinge-loss classification of a wide network (Pellegrini & Biroli, NeurIPS 2020)."""
