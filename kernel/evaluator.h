// SPDX-License-Identifier: MIT
#pragma once

#include "passes.h"

#include <vector>

namespace mtp {

/// Evaluates a potential, with space of its own to work in: one for each thread.
class Evaluator {
public:
  /// `tables` must outlive the evaluator. Throws what passes_for_this_processor does.
  explicit Evaluator(const Tables &tables);

  const Passes &passes() const { return passes_; }

  /// So many neighbourhoods are evaluated at once.
  int batch_size() const { return passes_.batch_size; }

  /// As many neighbourhoods, to be filled.
  std::vector<Neighbourhood> make_batch() const;

  /// Energies and gradients of the first `count` (at most batch_size) neighbourhoods.
  void evaluate(Neighbourhood *batch, int count) {
    passes_.evaluate(tables_, workspace_, batch, count);
  }

  /// The same, and their rows: the derivatives of the central atoms' energies with respect to
  /// all parameters, in the order of Tables::parameter_count.
  void evaluate_with_rows(Neighbourhood *batch, int count) {
    passes_.evaluate_with_rows(tables_, workspace_, batch, count);
  }

  /// Derivatives of one neighbourhood's energy and gradient with respect to coefficients.
  void differentiate(Neighbourhood &neighbourhood, bool with_radial, bool with_linear,
                     Derivatives &derivatives) {
    passes_.differentiate(tables_, workspace_, neighbourhood, with_radial, with_linear,
                          derivatives);
  }

  /// Copies the row of neighbourhood k of the last evaluation.
  void copy_row(int k, double *row) const;

  /// Adds the first `count` rows of the last evaluation to `row`.
  void add_rows(int count, std::vector<double> &row) const;

  /// Extrapolation grades of the rows of the last evaluation, batch_size numbers.
  void grade_rows(const PaddedInverse &inverse, double *grades) const {
    passes_.grade_all(inverse, workspace_.rows.data(), grades);
  }

  /// Extrapolation grade of any row.
  double grade(const PaddedInverse &inverse, const std::vector<double> &row);

private:
  const Tables &tables_;
  const Passes &passes_;
  Workspace workspace_;
};

} // namespace mtp
