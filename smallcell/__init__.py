"""Small-cell active learning of moment tensor potentials, as functions on ASE Atoms and arrays."""
