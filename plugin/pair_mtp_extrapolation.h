// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "pair_mtp.h"

namespace LAMMPS_NS {

/// Pair style mtp/extrapolation: pair style mtp with the extrapolation grade of the configuration,
/// on all steps on which LAMMPS asks for the energy, as compute pair does.
class PairMTPExtrapolation : public PairMTP {
public:
  explicit PairMTPExtrapolation(LAMMPS *lmp);
  void compute(int eflag, int vflag) override;
  void coeff(int narg, char **arg) override;

private:
  /// What compute pair reads: the grade on the first rank, 0 on the others, as it sums over ranks.
  double grade = 0;
  std::vector<double> row;
};

} // namespace LAMMPS_NS
