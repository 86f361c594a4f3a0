// SPDX-License-Identifier: MIT
#include "evaluator.h"

namespace mtp {

Evaluator::Evaluator(const Tables &tables) : tables_(tables), passes_(passes_for_this_processor()) {
  const std::size_t lanes = passes_.batch_size;
  workspace_.basic.reset(tables.basic_count);
  workspace_.moments.reset(lanes * tables.moment_count);
  workspace_.adjoints.reset(lanes * tables.moment_count);
  workspace_.monomial_adjoints.reset(lanes * tables.monomial_count);
  workspace_.radial_sums.reset(lanes * tables.radial_count * tables.chebyshev_count);
  workspace_.rows.reset(lanes * tables.parameter_count());
}

std::vector<Neighbourhood> Evaluator::make_batch() const {
  std::vector<Neighbourhood> batch(passes_.batch_size);
  for (auto &neighbourhood : batch)
    neighbourhood.neighbours.resize(tables_.species_count);
  return batch;
}

void Evaluator::copy_row(int k, double *row) const {
  for (int parameter = 0; parameter < tables_.parameter_count(); ++parameter)
    row[parameter] = workspace_.rows[passes_.batch_size * parameter + k];
}

void Evaluator::add_rows(int count, std::vector<double> &row) const {
  const int lanes = passes_.batch_size;
  const double *derivatives = workspace_.rows.data();
  for (double &total : row) {
    double sum = 0;
    for (int lane = 0; lane < count; ++lane)
      sum += derivatives[lane];
    total += sum;
    derivatives += lanes;
  }
}

double Evaluator::grade(const PaddedInverse &inverse, const std::vector<double> &row) {
  const int lanes = passes_.batch_size;
  for (std::size_t j = 0; j < row.size(); ++j)
    workspace_.rows[lanes * j] = row[j];
  double grade;
  passes_.grade_first(inverse, workspace_.rows.data(), &grade);
  return grade;
}

} // namespace mtp
