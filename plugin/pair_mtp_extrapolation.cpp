// SPDX-License-Identifier: GPL-2.0-only
#include "pair_mtp_extrapolation.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "neigh_list.h"

#include <algorithm>
#include <cstring>

using namespace LAMMPS_NS;

PairMTPExtrapolation::PairMTPExtrapolation(LAMMPS *lmp) : PairMTP(lmp) {
  nextra = 1;
  pvector = &highest;
}

void PairMTPExtrapolation::coeff(int narg, char **arg) {
  PairMTP::coeff(narg, arg);
  if (!potential.active_set)
    error->all(FLERR,
               "pair style mtp/extrapolation: {} has no active set (#MVS_v1.1) behind the "
               "potential; an .almtp file with one belongs here",
               potential_file);
  inverse.emplace(potential.active_set->inverse);
}

void PairMTPExtrapolation::compute(int eflag, int vflag) {
  ev_init(eflag, vflag);
  if (eflag_global || gamma_flag) {
    if (by_neighbourhood() && atom->nmax > static_cast<int>(gamma.size()))
      gamma.resize(atom->nmax);
    evaluate(true);
    double mine = by_neighbourhood() ? highest_neighbourhood_grade() : configuration_grade();
    MPI_Reduce(&mine, &highest, 1, MPI_DOUBLE, MPI_MAX, 0, world);
  } else {
    evaluate(false);
  }
  if (vflag_fdotr)
    virial_fdotr_compute();
}

void PairMTPExtrapolation::visit_rows(Worker &worker, int first, int count) {
  if (by_neighbourhood()) {
    std::array<double, mtp::widest> grades;
    worker.evaluator.grade_rows(*inverse, grades.data());
    for (int k = 0; k < count; ++k)
      gamma[list->ilist[first + k]] = grades[k];
  } else {
    worker.evaluator.add_rows(count, worker.row);
  }
}

/// The grade of the mean of all atoms' rows on the first rank, 0 on the others.
double PairMTPExtrapolation::configuration_grade() {
  auto &row = workers.front().row;
  for (std::size_t other = 1; other < workers.size(); ++other)
    for (std::size_t k = 0; k < row.size(); ++k)
      row[k] += workers[other].row[k];
  MPI_Allreduce(MPI_IN_PLACE, row.data(), static_cast<int>(row.size()), MPI_DOUBLE, MPI_SUM, world);
  for (double &derivative : row)
    derivative /= static_cast<double>(atom->natoms);
  return comm->me == 0 ? workers.front().evaluator.grade(*inverse, row) : 0.0;
}

double PairMTPExtrapolation::highest_neighbourhood_grade() const {
  double found = 0;
  for (int k = 0; k < list->inum; ++k)
    found = std::max(found, gamma[list->ilist[k]]);
  return found;
}

void *PairMTPExtrapolation::extract(const char *name, int &dimension) {
  dimension = 0;
  return strcmp(name, "gamma_flag") == 0 ? &gamma_flag : nullptr;
}

void *PairMTPExtrapolation::extract_peratom(const char *name, int &columns) {
  columns = 0;
  if (strcmp(name, "gamma") != 0)
    return nullptr;
  if (!by_neighbourhood())
    error->all(FLERR,
               "pair style mtp/extrapolation: the active set of {} grades configurations "
               "(energy_weight 1); atoms have grades with one of neighbourhoods (site_en_weight 1)",
               potential_file);
  return gamma.data();
}

double PairMTPExtrapolation::memory_usage() {
  return PairMTP::memory_usage() + sizeof(double) * static_cast<double>(gamma.size());
}
