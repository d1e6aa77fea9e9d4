"""Online SGD of a student network with a teacher (Goldt et al., NeurIPS 2019)."""
