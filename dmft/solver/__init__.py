"""The marching solver: grid, cells, fixed point."""
