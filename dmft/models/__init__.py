"""One folder a theory, found by its name; `dmft.problem.registry` loads the one that a problem asks for."""
