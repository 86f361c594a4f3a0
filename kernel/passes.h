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
};

/// Passes for this processor, or those of MTP_INSTRUCTION_SET if the environment has it
/// (avx512, avx2 or portable). Throws std::runtime_error if that names none, or one that the
/// processor lacks.
const Passes &passes_for_this_processor();

} // namespace mtp
