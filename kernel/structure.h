// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <vector>

namespace mtp {

/// A structure, periodic along any of its cell vectors, with the neighbours of its atoms.
class Structure {
public:
  /// `cell`: rows are its vectors (A), those that are not periodic as well, in three independent
  /// directions; `positions`: x, y, z by atom (A). Throws std::invalid_argument for numbers that
  /// are not finite, cells without volume and cells so small that an atom would have more than
  /// 100 000 000 images to look at.
  Structure(const std::array<double, 9> &cell, const std::array<bool, 3> &periodic,
            std::vector<double> positions, std::vector<int> types, double cutoff);

  struct Neighbour {
    int atom;
    /// From the central atom (A).
    std::array<double, 3> vector;
  };

  int atom_count() const { return static_cast<int>(types.size()); }

  std::vector<int> types;
  /// All atoms and images within the cut-off, those of atom i from starts[i] to starts[i + 1].
  std::vector<Neighbour> neighbours;
  std::vector<std::size_t> starts;
};

} // namespace mtp
