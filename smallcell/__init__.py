"""Small-cell active learning of moment tensor potentials: pure functions on ASE Atoms and numpy arrays."""
