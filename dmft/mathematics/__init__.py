"""Mathematics that knows no theory: quadrature tableaus, Hermite expansions, Gaussian averages."""
