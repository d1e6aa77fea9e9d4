"""Random features trained online (Worschech & Rosenow 2023)."""
