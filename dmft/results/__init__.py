"""Results as data: solutions, simulations, tables of sweeps."""
