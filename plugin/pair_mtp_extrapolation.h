// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "pair_mtp.h"

#include <optional>
#include <string>
#include <vector>

namespace LAMMPS_NS {

/// Pair style mtp/extrapolation: pair style mtp with extrapolation grades, of the configuration or
/// of each neighbourhood as the active set has it, on all steps on which LAMMPS asks for the
/// energy, as compute pair does, or fix pair asks for "gamma".
class PairMTPExtrapolation : public PairMTP {
public:
  explicit PairMTPExtrapolation(LAMMPS *lmp);
  void compute(int eflag, int vflag) override;
  void coeff(int narg, char **arg) override;
  void *extract(const char *name, int &dimension) override;
  void *extract_peratom(const char *name, int &columns) override;
  double memory_usage() override;

protected:
  void visit_rows(Worker &worker, int first, int count) override;

private:
  double configuration_grade();
  double highest_neighbourhood_grade() const;
  bool by_neighbourhood() const {
    return potential.active_set->mode == mtp::GradeMode::neighbourhood;
  }

  std::optional<mtp::PaddedInverse> inverse;
  /// What compute pair reads: the highest grade on the first rank, 0 on the others, as it sums
  /// over ranks.
  double highest = 0;
  /// What fix pair sets on the steps on which it wants grades.
  int gamma_flag = 0;
  /// By atom.
  std::vector<double> gamma;
};

} // namespace LAMMPS_NS
