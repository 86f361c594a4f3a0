// SPDX-License-Identifier: MIT
// The arithmetic of a potential, compiled for several instruction sets and chosen at run time.
#pragma once

#include "arrays.h"
#include "neighbourhood.h"
#include "tables.h"

#include <string>
#include <vector>

namespace mtp {

/// Space that evaluation works in; one for each thread.
struct Workspace {
  /// By neighbours of a register: unit vector, monomials, radial functions.
  AlignedArray chunks;
  /// By neighbourhood of a batch: basic moments, then derivatives with respect to them.
  AlignedArray basic;
  /// By moment, a lane for each neighbourhood: values, and derivatives of the energy.
  AlignedArray moments, adjoints;
  AlignedArray monomial_adjoints;
  AlignedArray radial_sums;
  /// By parameter, a lane for each neighbourhood: derivatives of the central atom's energy.
  AlignedArray rows;
};

/// Derivatives of a central atom's energy, and of its gradient, with respect to coefficients.
struct Derivatives {
  /// Columns: from 0 the radial coefficients of the centre's type , from linear_column the
  /// linear ones, if they are asked for; padded with columns of zeros.
  int columns = 0;
  int linear_column = 0;
  /// Number of neighbours in a register.
  int lanes = 0;
  /// By column.
  AlignedArray energy;
  /// By row and column.
  AlignedArray gradients;

  /// Row of a neighbour (registers are filled up type by type) and an axis.
  std::size_t row(int register_index, int lane, int axis) const {
    return static_cast<std::size_t>(3 * register_index + axis) * lanes + lane;
  }

  /// Makes room.
  void prepare(const Tables &tables, bool with_radial, bool with_linear, int neighbour_count,
               int lane_count);

  /// What they are made of; see derivatives.ipp.
  AlignedArray moment_gradients, monomial_gradients, angular, polynomial_sums, changes,
      adjoint_changes, factors;
};

/// Inverse of an active set's matrix, padded for vector registers: a row for each parameter, a
/// column for each member.
struct PaddedInverse {
  /// Columns are worked on by so many at once.
  static constexpr int block = 3 * widest;

  /// From `size` * `size` numbers.
  explicit PaddedInverse(const std::vector<double> &inverse);

  int size;
  int padded_size;
  AlignedArray numbers;
};

/// The functions of one instruction set.
struct Passes {
  const char *name;
  /// How many neighbourhoods are evaluated at once, each product of moments for all of them.
  int batch_size;
  /// Energies and gradients of the first `count` (at most batch_size) neighbourhoods.
  void (*evaluate)(const Tables &, Workspace &, Neighbourhood *batch, int count);
  /// The same, and Workspace::rows.
  void (*evaluate_with_rows)(const Tables &, Workspace &, Neighbourhood *batch, int count);
  /// Extrapolation grade of the first lane of rows laid out as Workspace::rows.
  void (*grade_first)(const PaddedInverse &, const double *rows, double *grade);
  /// Those of all batch_size lanes.
  void (*grade_all)(const PaddedInverse &, const double *rows, double *grades);
  /// Derivatives of one neighbourhood's energy and gradient.
  void (*differentiate)(const Tables &, Workspace &, Neighbourhood &, bool with_radial,
                        bool with_linear, Derivatives &);
  /// target += factor * source
  void (*add_scaled)(double *target, const double *source, double factor, int size);
};

/// Passes for this processor, or those of MTP_INSTRUCTION_SET if the environment has it
/// (avx512, avx2 or portable). Throws std::runtime_error if that names none, or one that the
/// processor lacks.
const Passes &passes_for_this_processor();

} // namespace mtp
