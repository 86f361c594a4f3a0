// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "evaluate.h"
#include "pair.h"
#include "potential.h"

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

protected:
  /// Energies, forces and virials of the atoms of this rank. With parameters: adds to `row` the
  /// derivatives of their energy with respect to the parameters of the potential.
  template <bool with_parameters> void evaluate(std::vector<double> *row = nullptr);

  /// Potential of pair_coeff, and its file's name.
  mtp::Potential potential;
  std::string potential_file;

private:
  void collect(int i, mtp::Neighbourhood &neighbourhood) const;
  void tally(int i, const mtp::Neighbourhood &neighbourhood);

  /// Type in the potential by type of LAMMPS (from 1).
  std::vector<int> potential_type;
  std::optional<mtp::Evaluator> evaluator;
  std::array<mtp::Neighbourhood, mtp::Evaluator::batch_size> batch;
};

} // namespace LAMMPS_NS
