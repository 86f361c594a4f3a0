// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "evaluator.h"
#include "pair.h"
#include "potential.h"
#include "tables.h"

#include <array>
#include <optional>
#include <vector>

namespace LAMMPS_NS {

/// Pair style mtp: energies, forces and virials of a moment tensor potential.
class PairMTP : public Pair {
public:
  explicit PairMTP(LAMMPS *lmp);
  ~PairMTP() override;
  void compute(int eflag, int vflag) override;
  void settings(int narg, char **arg) override;
  void coeff(int narg, char **arg) override;
  void init_style() override;
  double init_one(int i, int j) override;
  double memory_usage() override;

protected:
  /// What a thread works with, and the sums over its atoms.
  struct Worker {
    explicit Worker(const mtp::Tables &tables);
    mtp::Evaluator evaluator;
    std::vector<mtp::Neighbourhood> batch;
    double energy = 0;
    std::array<double, 6> virial{};
    /// By atom, ghosts included; the first worker adds to LAMMPS's own arrays instead.
    std::vector<double> forces, virials;
    /// Sum of the rows of its atoms (see mtp::Evaluator::evaluate_with_rows).
    std::vector<double> row;
  };

  /// Energies, forces and virials of the atoms of this rank; with rows, `visit_rows` as well.
  void evaluate(bool with_rows);

  /// Called by threads with the atoms that are first, first + 1, ... in the neighbour list after
  /// their rows were evaluated.
  virtual void visit_rows(Worker & /*worker*/, int /*first*/, int /*count*/) {}

  /// Potential of pair_coeff, and its file's name.
  mtp::Potential potential;
  std::string potential_file;
  std::vector<Worker> workers;

private:
  void prepare_workers(int atom_count);
  void work(int index, bool with_rows);
  void add_up(int atom_count);
  void collect(int i, mtp::Neighbourhood &neighbourhood) const;
  void tally(int i, const mtp::Neighbourhood &neighbourhood, Worker &worker, double *forces,
             double *virials) const;

  /// Type in the potential by type of LAMMPS (from 1), or not_ours.
  std::vector<int> potential_type;
  static constexpr int not_ours = -1;
  std::optional<mtp::Tables> tables;
};

} // namespace LAMMPS_NS
