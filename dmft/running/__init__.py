"""One run: solve, plan, cost, memory."""
