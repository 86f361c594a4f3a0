// SPDX-License-Identifier: GPL-2.0-only
#include "pair_mtp.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"

#include <algorithm>
#include <cstring>

using namespace LAMMPS_NS;

PairMTP::PairMTP(LAMMPS *lmp) : Pair(lmp) {
  one_coeff = 1;
  single_enable = 0;
  restartinfo = 0;
  manybody_flag = 1;
  centroidstressflag = CENTROID_NOTAVAIL;
}

PairMTP::~PairMTP() {
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
  }
}

void PairMTP::settings(int narg, char ** /*arg*/) {
  if (narg != 0)
    error->all(FLERR, "pair style mtp takes no arguments; the file belongs to pair_coeff");
}

namespace {

/// Content of a file, read by the first rank alone: then all ranks agree on what is wrong with it.
std::string read_on_first_rank(const std::string &path, MPI_Comm world) {
  int rank;
  MPI_Comm_rank(world, &rank);
  std::string text; // content, or complaint
  int is_complaint = 0;
  if (rank == 0) {
    try {
      text = mtp::read_file(path);
    } catch (const mtp::FileError &complaint) {
      text = complaint.what();
      is_complaint = 1;
    }
  }
  auto size = static_cast<bigint>(text.size());
  MPI_Bcast(&is_complaint, 1, MPI_INT, 0, world);
  MPI_Bcast(&size, 1, MPI_LMP_BIGINT, 0, world);
  text.resize(size);
  constexpr bigint largest_message = 1 << 30; // MPI counts in int
  for (bigint start = 0; start < size; start += largest_message)
    MPI_Bcast(&text[start], static_cast<int>(std::min(size - start, largest_message)), MPI_CHAR, 0,
              world);
  if (is_complaint)
    throw mtp::FileError(text);
  return text;
}

} // namespace

void PairMTP::coeff(int narg, char **arg) {
  const int type_count = atom->ntypes;
  if (narg != 3 + type_count || strcmp(arg[0], "*") != 0 || strcmp(arg[1], "*") != 0)
    error->all(FLERR,
               "pair style mtp: found {} arguments of pair_coeff where '* * FILE' and a "
               "type of the potential for each of the {} atom types belong",
               narg, type_count);
  potential_file = arg[2];
  std::string complaint;
  try {
    potential = mtp::parse_potential(potential_file, read_on_first_rank(potential_file, world));
  } catch (const mtp::FileError &found) {
    complaint = found.what();
  }
  if (!complaint.empty())
    error->all(FLERR, "pair style mtp: {}", complaint);

  potential_type.assign(type_count + 1, 0);
  for (int type = 1; type <= type_count; ++type) {
    const std::string name = arg[2 + type];
    const bool is_number = name.find_first_not_of("0123456789") == name.npos && name.size() < 8;
    if (!is_number || std::stoi(name) >= potential.species_count)
      error->all(FLERR,
                 "pair style mtp: found '{}' for atom type {} where one of the types 0 to "
                 "{} of {} belongs",
                 name, type, potential.species_count - 1, potential_file);
    potential_type[type] = std::stoi(name);
  }
  evaluator.emplace(potential);
  for (auto &neighbourhood : batch)
    neighbourhood.neighbours.resize(potential.species_count);

  if (!allocated) {
    memory->create(setflag, type_count + 1, type_count + 1, "pair:setflag");
    memory->create(cutsq, type_count + 1, type_count + 1, "pair:cutsq");
    allocated = 1;
  }
  for (int i = 1; i <= type_count; ++i)
    for (int j = 1; j <= type_count; ++j)
      setflag[i][j] = 1;
}

void PairMTP::init_style() {
  if (!force->newton_pair)
    error->all(FLERR, "pair style mtp needs 'newton on'");
  if (strcmp(update->unit_style, "metal") != 0)
    error->all(FLERR, "pair style mtp: found 'units {}' where 'units metal' belongs",
               update->unit_style);
  neighbor->add_request(this, NeighConst::REQ_FULL);
}

double PairMTP::init_one(int /*i*/, int /*j*/) { return potential.cutoff; }

void PairMTP::compute(int eflag, int vflag) {
  ev_init(eflag, vflag);
  evaluate<false>();
  if (vflag_fdotr)
    virial_fdotr_compute();
}

template <bool with_parameters> void PairMTP::evaluate(std::vector<double> *row) {
  constexpr int batch_size = mtp::Evaluator::batch_size;
  for (int first = 0; first < list->inum; first += batch_size) {
    const int count = std::min(batch_size, list->inum - first);
    for (int k = 0; k < count; ++k)
      collect(list->ilist[first + k], batch[k]);
    evaluator->evaluate<with_parameters>(batch.data(), count, row);
    for (int k = 0; k < count; ++k)
      tally(list->ilist[first + k], batch[k]);
  }
}

template void PairMTP::evaluate<false>(std::vector<double> *);
template void PairMTP::evaluate<true>(std::vector<double> *);

/// Fills a neighbourhood with the neighbours of atom i that are within the cut-off.
void PairMTP::collect(int i, mtp::Neighbourhood &neighbourhood) const {
  const int *type = atom->type;
  const int *neighbour_list = list->firstneigh[i];
  const int listed = list->numneigh[i];
  const double cutoff_squared = potential.cutoff * potential.cutoff;
  const double *centre = atom->x[i];
  neighbourhood.type = potential_type[type[i]];
  for (auto &neighbours : neighbourhood.neighbours)
    neighbours.clear(listed);
  for (int k = 0; k < listed; ++k) {
    const int j = neighbour_list[k] & NEIGHMASK;
    const double *position = atom->x[j];
    const double x = position[0] - centre[0];
    const double y = position[1] - centre[1];
    const double z = position[2] - centre[2];
    const bool within = x * x + y * y + z * z < cutoff_squared;
    neighbourhood.neighbours[potential_type[type[j]]].add(x, y, z, j, within);
  }
}

/// Adds energy, forces and virial of the neighbourhood of atom i to those of LAMMPS.
void PairMTP::tally(int i, const mtp::Neighbourhood &neighbourhood) {
  double **f = atom->f;
  if (eflag_global)
    eng_vdwl += neighbourhood.energy;
  if (eflag_atom)
    eatom[i] += neighbourhood.energy;
  double total[3] = {};
  for (const auto &neighbours : neighbourhood.neighbours)
    for (int k = 0; k < neighbours.size(); ++k) {
      const int j = neighbours.labels[k];
      const double gradient[3] = {neighbours.gradient_x[k], neighbours.gradient_y[k],
                                  neighbours.gradient_z[k]};
      for (int axis = 0; axis < 3; ++axis) {
        total[axis] += gradient[axis];
        f[j][axis] -= gradient[axis];
      }
      if (vflag_either)
        ev_tally_xyz(i, j, atom->nlocal, force->newton_pair, 0.0, 0.0, gradient[0], gradient[1],
                     gradient[2], -neighbours.x[k], -neighbours.y[k], -neighbours.z[k]);
    }
  for (int axis = 0; axis < 3; ++axis)
    f[i][axis] += total[axis];
}
