// SPDX-License-Identifier: MIT
#pragma once

#include "evaluator.h"
#include "structure.h"

#include <vector>

namespace mtp {

/// Evaluates whole structures, with space of its own to work in: one for each thread.
class StructureEvaluator {
public:
  /// `tables` must outlive the evaluator.
  explicit StructureEvaluator(const Tables &tables);

  /// Energies of the atoms (eV), forces (x, y, z by atom, eV/A), and the derivative of the energy
  /// with respect to strain (xx, yy, zz, yz, xz, xy in eV): volume times stress.
  void evaluate(const Structure &structure, double *energies, double *forces,
                double *strain_derivative);

  /// Derivatives of the atoms' energies with respect to all parameters in the order of
  /// Tables::parameter_count: a row for each atom.
  void evaluate_rows(const Structure &structure, double *rows);

  /// Derivatives of the energy, the forces and the strain derivative (1 + 3 atoms + 6 rows) with
  /// respect to the radial coefficients, and to shifts and linear ones; neither where it is null.
  void differentiate(const Structure &structure, double *radial, double *linear);

private:
  void collect(const Structure &structure, int i, Neighbourhood &neighbourhood) const;
  void scatter(const Structure &structure, int i, const Neighbourhood &neighbourhood,
               const double *gradients, double *target, std::size_t stride, int size) const;

  const Tables &tables_;
  Evaluator evaluator_;
  const Passes &passes_;
  std::vector<Neighbourhood> batch_;
  Derivatives derivatives_;
};

} // namespace mtp
