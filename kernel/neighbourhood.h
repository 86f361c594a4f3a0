// SPDX-License-Identifier: MIT
#pragma once

#include "arrays.h"

#include <vector>

namespace mtp {

/// Neighbours of one type of a central atom, and the energy's gradient with respect to each.
class Neighbours {
public:
  /// Vectors from the central atom (A).
  AlignedArray x, y, z;
  /// Derivatives of the central atom's energy with respect to them (eV/A).
  AlignedArray gradient_x, gradient_y, gradient_z;
  /// What the caller knows each neighbour by.
  std::vector<int> labels;

  int size() const { return size_; }

  /// Forgets all neighbours and makes room for so many.
  void clear(int capacity) {
    size_ = 0;
    if (static_cast<int>(labels.size()) > capacity) // one more, since add writes before it decides
      return;
    for (AlignedArray *array : {&x, &y, &z, &gradient_x, &gradient_y, &gradient_z})
      array->reset(capacity + 1);
    labels.resize(x.size());
  }

  /// Adds a neighbour if `within`. Free of branches: which atoms of a neighbour list are within
  /// the cut-off is as good as random.
  void add(double dx, double dy, double dz, int label, bool within) {
    x[size_] = dx;
    y[size_] = dy;
    z[size_] = dz;
    labels[size_] = label;
    size_ += within;
  }

  /// Fills the last register up with neighbours at the cut-off, which add nothing to anything.
  void fill_up(double cutoff) {
    for (int i = size_; i < rounded_up(size_); ++i) {
      x[i] = cutoff;
      y[i] = z[i] = 0;
    }
  }

private:
  int size_ = 0;
};

/// A central atom with its neighbours.
struct Neighbourhood {
  int type = 0;
  /// By type; all within the cut-off.
  std::vector<Neighbours> neighbours;
  /// Energy of the central atom (eV).
  double energy = 0;
};

} // namespace mtp
