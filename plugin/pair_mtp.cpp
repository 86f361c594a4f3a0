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
#include <stdexcept>

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
  workers.clear();
  try {
    potential = mtp::parse_potential(potential_file, read_on_first_rank(potential_file, world));
    tables.emplace(potential);
    workers.emplace_back(*tables);
  } catch (const std::runtime_error &found) {
    complaint = found.what();
  }
  if (!complaint.empty())
    error->all(FLERR, "pair style mtp: {}", complaint);

  potential_type.assign(type_count + 1, not_ours);
  for (int type = 1; type <= type_count; ++type) {
    const std::string name = arg[2 + type];
    if (name == "NULL") // for pair style hybrid
      continue;
    const bool is_number = name.find_first_not_of("0123456789") == name.npos && name.size() < 8;
    if (!is_number || std::stoi(name) >= potential.species_count)
      error->all(FLERR,
                 "pair style mtp: found '{}' for atom type {} where one of the types 0 to "
                 "{} of {}, or NULL, belongs",
                 name, type, potential.species_count - 1, potential_file);
    potential_type[type] = std::stoi(name);
  }

  if (!allocated) {
    memory->create(setflag, type_count + 1, type_count + 1, "pair:setflag");
    memory->create(cutsq, type_count + 1, type_count + 1, "pair:cutsq");
    allocated = 1;
  }
  for (int i = 1; i <= type_count; ++i)
    for (int j = 1; j <= type_count; ++j)
      setflag[i][j] = potential_type[i] != not_ours && potential_type[j] != not_ours;
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
  evaluate(false);
  if (vflag_fdotr)
    virial_fdotr_compute();
}

PairMTP::Worker::Worker(const mtp::Tables &tables)
    : evaluator(tables), batch(evaluator.make_batch()), row(tables.parameter_count()) {}

void PairMTP::evaluate(bool with_rows) {
  const int atom_count = atom->nlocal + atom->nghost;
  prepare_workers(atom_count);
  const int thread_count = static_cast<int>(workers.size());
  if (thread_count == 1) { // a parallel loop of one thread would cost as much as an atom
    work(0, with_rows);
  } else {
#pragma omp parallel for schedule(static, 1) num_threads(thread_count)
    for (int index = 0; index < thread_count; ++index)
      work(index, with_rows);
  }
  add_up(atom_count);
}

/// A worker for each thread, with its sums at zero.
void PairMTP::prepare_workers(int atom_count) {
#ifdef _OPENMP
  const std::size_t thread_count = comm->nthreads;
#else
  const std::size_t thread_count = 1;
#endif
  while (workers.size() > thread_count)
    workers.pop_back();
  while (workers.size() < thread_count)
    workers.emplace_back(*tables);
  for (auto &worker : workers) {
    worker.energy = 0;
    worker.virial.fill(0);
    std::fill(worker.row.begin(), worker.row.end(), 0.0);
    if (&worker != &workers.front()) {
      worker.forces.assign(3 * static_cast<std::size_t>(atom_count), 0.0);
      worker.virials.assign(vflag_atom ? 6 * static_cast<std::size_t>(atom_count) : 0, 0.0);
    }
  }
}

/// Evaluates the share of one worker of the atoms in the neighbour list.
void PairMTP::work(int index, bool with_rows) {
  Worker &worker = workers[index];
  const auto share = [&](bigint k) {
    return static_cast<int>(k * list->inum / static_cast<bigint>(workers.size()));
  };
  double *forces = index == 0 ? atom->f[0] : worker.forces.data();
  double *virials = !vflag_atom ? nullptr : index == 0 ? vatom[0] : worker.virials.data();
  const int batch_size = worker.evaluator.batch_size();
  const int end = share(index + 1);
  for (int first = share(index); first < end; first += batch_size) {
    const int count = std::min(batch_size, end - first);
    for (int k = 0; k < count; ++k)
      collect(list->ilist[first + k], worker.batch[k]);
    if (with_rows) {
      worker.evaluator.evaluate_with_rows(worker.batch.data(), count);
      visit_rows(worker, first, count);
    } else {
      worker.evaluator.evaluate(worker.batch.data(), count);
    }
    for (int k = 0; k < count; ++k)
      tally(list->ilist[first + k], worker.batch[k], worker, forces, virials);
  }
}

/// Adds the sums of all workers to those of LAMMPS.
void PairMTP::add_up(int atom_count) {
  for (const auto &worker : workers) {
    if (eflag_global)
      eng_vdwl += worker.energy;
    if (vflag_global)
      for (int k = 0; k < 6; ++k)
        virial[k] += worker.virial[k];
  }
  const int thread_count = static_cast<int>(workers.size());
  if (thread_count == 1)
    return;
  double *forces = atom->f[0];
#pragma omp parallel for num_threads(thread_count)
  for (int i = 0; i < atom_count; ++i)
    for (int other = 1; other < thread_count; ++other) {
      for (int k = 3 * i; k < 3 * (i + 1); ++k)
        forces[k] += workers[other].forces[k];
      if (vflag_atom)
        for (int k = 0; k < 6; ++k)
          vatom[i][k] += workers[other].virials[6 * i + k];
    }
}

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

/// Adds energy, forces and virial of the neighbourhood of atom i to the sums of a worker. The
/// virial of an atom and a neighbour goes half to each, as LAMMPS has it.
void PairMTP::tally(int i, const mtp::Neighbourhood &neighbourhood, Worker &worker, double *forces,
                    double *virials) const {
  worker.energy += neighbourhood.energy;
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
        forces[3 * j + axis] -= gradient[axis];
      }
      if (!vflag_either)
        continue;
      const double x = neighbours.x[k], y = neighbours.y[k], z = neighbours.z[k];
      const double share[6] = {-x * gradient[0], -y * gradient[1], -z * gradient[2],
                               -x * gradient[1], -x * gradient[2], -y * gradient[2]};
      for (int component = 0; component < 6; ++component) {
        worker.virial[component] += share[component];
        if (virials) {
          virials[6 * i + component] += 0.5 * share[component];
          virials[6 * j + component] += 0.5 * share[component];
        }
      }
    }
  for (int axis = 0; axis < 3; ++axis)
    forces[3 * i + axis] += total[axis];
}

double PairMTP::memory_usage() {
  double bytes = Pair::memory_usage();
  for (const auto &worker : workers)
    bytes += sizeof(double) * static_cast<double>(worker.forces.size() + worker.virials.size());
  return bytes;
}
