// SPDX-License-Identifier: MIT
#pragma once

#include "potential.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mtp {

/// Extrapolation grade: the largest magnitude among the coefficients that express a row, the
/// derivatives of an energy with respect to the parameters, by the rows of the active set.
/// E. V. Podryabinkin and A. V. Shapeev, Comput. Mater. Sci. 140, 171 (2017), equation 8.
inline double extrapolation_grade(const ActiveSet &active_set, const std::vector<double> &row) {
  const std::size_t n = row.size();
  std::vector<double> coefficients(n, 0.0);
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t i = 0; i < n; ++i)
      coefficients[i] += row[j] * active_set.inverse[j * n + i];
  double grade = 0;
  for (const double coefficient : coefficients) {
    if (std::isnan(coefficient)) // atoms on top of each other: no grade is high enough
      return std::numeric_limits<double>::infinity();
    grade = std::max(grade, std::abs(coefficient));
  }
  return grade;
}

} // namespace mtp
