"""Work shared out: worker processes, MPI ranks, locks."""
