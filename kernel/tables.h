// SPDX-License-Identifier: MIT
// A potential in the order in which it is evaluated.
//
// Notation: a basic moment is  sum over neighbours  f_mu(r) x^a y^b z^c  with the unit vector
// (x, y, z) to the neighbour ("monomial" x^a y^b z^c) and the radial function
//     f_mu(r) = scaling * (cutoff - r)^2 * sum over b  coefficient_b T_b(xi),
// where xi maps [closest, cutoff] to [-1, 1]. Products of moments make the others; the energy is
// linear in the scalar ones. A. V. Shapeev, Multiscale Model. Simul. 14, 1153 (2016);
// E. Podryabinkin et al., J. Chem. Phys. 159, 084112 (2023), equations 2-5.
#pragma once

#include "arrays.h"
#include "potential.h"

#include <vector>

namespace mtp {

/// How many monomials there are up to a rank, the sum of the three powers.
constexpr int monomials_up_to(int rank) { return (rank + 1) * (rank + 2) * (rank + 3) / 6; }

/// factor * value[first] * value[second], one of the terms of a sum.
struct Term {
  int first;
  int second;
  double factor;
};

/// For each of a row of moments a sum of terms: those of entry k end at ends[k] and begin where
/// those of entry k - 1 end.
struct Sums {
  std::vector<Term> terms;
  std::vector<int> ends;
};

/// Derivatives of `widest` scalar moments in a row with respect to those moments that any of them
/// depends on, the last first.
struct ScalarDerivatives {
  std::vector<int> moments;
  /// As Tables::adjoints, by entry of `moments`.
  Sums adjoints;
};

/// What evaluation needs of a potential. Moments are renumbered: first the basic ones, by radial
/// function and then by monomial, all monomials up to the highest rank in use; then the others
/// that some scalar depends on, in an order in which each is made of earlier ones.
struct Tables {
  explicit Tables(const Potential &potential);

  int species_count, radial_count, chebyshev_count;
  double closest, cutoff, scaling;
  /// Radial coefficients times scaling: by type of the centre, type of the neighbour, radial
  /// function, polynomial.
  std::vector<double> radial;
  /// Energy of an atom without neighbours (eV), by type.
  std::vector<double> shifts;

  /// Highest rank of the monomials. They are numbered by rank, and within a rank as x times all
  /// of the rank below, y times those of it without x, z times the last.
  int highest_rank = 0;
  int monomial_count = 1;
  /// By radial function: number of its basic moments, which are with the first so many monomials.
  std::vector<int> monomials_of;
  int basic_count = 0;
  int moment_count = 0;
  /// The moments from basic_count on as sums of products of two moments.
  Sums products;
  /// Derivatives of the energy with respect to all moments, the last first: sums of products of
  /// such a derivative (first) and a moment (second), plus `direct`.
  Sums adjoints;
  std::vector<double> direct;
  /// The moments that the energy is linear in, and their coefficients (eV).
  std::vector<int> scalars;
  std::vector<double> linear;
  std::vector<ScalarDerivatives> scalar_derivatives;

  /// Place of a pair of types among the radial coefficients.
  int radial_offset(int centre, int neighbour) const {
    return (centre * species_count + neighbour) * radial_count * chebyshev_count;
  }
  /// Parameters are ordered: radial, shifts, linear.
  int parameter_count() const {
    return static_cast<int>(radial.size() + shifts.size() + linear.size());
  }
};

} // namespace mtp
