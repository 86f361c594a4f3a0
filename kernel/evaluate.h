// SPDX-License-Identifier: MIT
// Energies of atoms and their derivatives with respect to neighbours and parameters.
//
// Notation: a basic moment is  sum over neighbours  f_mu(r) x^a y^b z^c  with the unit vector
// (x, y, z) to the neighbour ("monomial" x^a y^b z^c) and the radial function
//     f_mu(r) = scaling * (cutoff - r)^2 * sum over b  coefficient_b T_b(xi),
// where xi maps [closest, cutoff] to [-1, 1]. Products of moments make the others; the energy is
// linear in the scalar ones. A. V. Shapeev, Multiscale Model. Simul. 14, 1153 (2016);
// E. Podryabinkin et al., J. Chem. Phys. 159, 084112 (2023), equations 2-5.
#pragma once

#include "lanes.h"
#include "potential.h"

#include <vector>

namespace mtp {

/// Neighbours of one type of a central atom, and the energy's gradient with respect to each.
class Neighbours {
public:
  /// Vectors from the central atom (A).
  LaneArray x, y, z;
  /// Derivatives of the central atom's energy with respect to them (eV/A).
  LaneArray gradient_x, gradient_y, gradient_z;
  /// What the caller knows each neighbour by.
  std::vector<int> labels;

  int size() const { return size_; }

  /// Forgets all neighbours and makes room for so many.
  void clear(int capacity);

  /// Adds a neighbour if `within`. Free of branches: which atoms of a neighbour list are within
  /// the cut-off is as good as random.
  void add(double dx, double dy, double dz, int label, bool within) {
    x[size_] = dx;
    y[size_] = dy;
    z[size_] = dz;
    labels[size_] = label;
    size_ += within;
  }

  /// Fills the last Lanes up with neighbours at the cut-off, which add nothing to anything.
  void fill_lanes(double cutoff);

private:
  int size_ = 0;
};

/// A central atom with its neighbours: what Evaluator::evaluate reads and writes.
struct Neighbourhood {
  int type = 0;
  /// By type; all within the cut-off.
  std::vector<Neighbours> neighbours;
  /// Energy of the central atom (eV).
  double energy = 0;
};

/// Evaluates a potential. Keeps the tables that this needs and the space to work in.
class Evaluator {
public:
  /// So many neighbourhoods are evaluated at once, each product of moments for all of them.
  static constexpr int batch_size = lane_count;

  explicit Evaluator(const Potential &potential);

  /// Energies and gradients of the first `count` (at most batch_size) neighbourhoods.
  /// With parameters: adds to `row` the derivatives of their energies with respect to all
  /// parameters, in the order of Potential::parameter_count.
  template <bool with_parameters>
  void evaluate(Neighbourhood *batch, int count, std::vector<double> *row = nullptr);

private:
  /// x^a y^b z^c as a monomial of one power less times one component.
  struct Monomial {
    int parent;
    int axis;
  };
  /// The place of f_mu times a monomial among the moments.
  struct Term {
    int monomial;
    int moment;
  };
  /// What is kept for eight neighbours from the basic moments to the gradient.
  struct Chunk {
    Lanes *unit;
    Lanes *inverse_distance;
    Lanes *monomials;
    Lanes *radial;
    Lanes *radial_slopes;
    Lanes *chebyshev;
  };

  int monomial_index(const std::array<int, 3> &powers);
  int radial_offset(int centre, int neighbour) const {
    return (centre * species_count_ + neighbour) * radial_count_ * chebyshev_count_;
  }
  Chunk chunk(int index);
  void evaluate_chunk(const Neighbours &neighbours, int i, const double *coefficients,
                      const Chunk &chunk);
  void sum_basic_moments(const Neighbourhood &neighbourhood, int first_chunk, int lane);
  void multiply_moments();
  template <bool with_parameters>
  void gradient(Neighbourhood &neighbourhood, int first_chunk, int lane, double *radial_row);

  int species_count_, radial_count_, chebyshev_count_;
  double closest_, cutoff_, scaling_;
  /// Radial coefficients times scaling.
  std::vector<double> radial_;
  std::vector<double> shifts_, linear_;
  std::vector<Product> products_;
  std::vector<int> scalars_;
  int basic_count_;
  std::vector<Monomial> monomials_;
  std::vector<std::array<int, 3>> monomial_powers_;
  /// By radial function.
  std::vector<std::vector<Term>> terms_;

  std::vector<Lanes> chunks_;
  std::vector<Lanes> basic_sums_;
  /// By moment, a lane for each neighbourhood: values, and derivatives of the energy.
  std::vector<Lanes> moments_, adjoints_;
  std::vector<Lanes> monomial_adjoints_;
  std::vector<Lanes> radial_row_sums_;
};

} // namespace mtp
