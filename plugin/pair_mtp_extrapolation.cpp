// SPDX-License-Identifier: GPL-2.0-only
#include "pair_mtp_extrapolation.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "grade.h"

using namespace LAMMPS_NS;

PairMTPExtrapolation::PairMTPExtrapolation(LAMMPS *lmp) : PairMTP(lmp) {
  nextra = 1;
  pvector = &grade;
}

void PairMTPExtrapolation::coeff(int narg, char **arg) {
  PairMTP::coeff(narg, arg);
  if (!potential.active_set)
    error->all(FLERR,
               "pair style mtp/extrapolation: {} has no active set (#MVS_v1.1) behind the "
               "potential; an .almtp file with one belongs here",
               potential_file);
  if (potential.active_set->mode != mtp::GradeMode::configuration)
    error->all(FLERR,
               "pair style mtp/extrapolation: the active set of {} is one of neighbourhoods "
               "(site_en_weight 1); one of configurations (energy_weight 1) belongs here",
               potential_file);
}

void PairMTPExtrapolation::compute(int eflag, int vflag) {
  ev_init(eflag, vflag);
  if (eflag_global) {
    row.assign(potential.parameter_count(), 0.0);
    evaluate<true>(&row);
    MPI_Allreduce(MPI_IN_PLACE, row.data(), static_cast<int>(row.size()), MPI_DOUBLE, MPI_SUM,
                  world);
    for (double &derivative : row)
      derivative /= static_cast<double>(atom->natoms);
    grade = comm->me == 0 ? mtp::extrapolation_grade(*potential.active_set, row) : 0.0;
  } else {
    evaluate<false>();
  }
  if (vflag_fdotr)
    virial_fdotr_compute();
}
