"""Running simulations: finite systems on exactly the problem of a file."""
