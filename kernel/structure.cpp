// SPDX-License-Identifier: MIT
#include "structure.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace mtp {

namespace {

using Vector = std::array<double, 3>;

double dot(const Vector &a, const Vector &b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector cross(const Vector &a, const Vector &b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

void require_finite(const double *numbers, std::size_t count, const char *what) {
  for (std::size_t k = 0; k < count; ++k)
    if (!std::isfinite(numbers[k]))
      throw std::invalid_argument(std::string(what) + " has a number that is not finite");
}

/// Along one cell vector: slices at least a cut-off thick if there is more than one.
struct Slices {
  int count = 1;
  /// How many slices to either side have atoms within the cut-off.
  int reach = 0;
};

constexpr double most_images = 1e8;

} // namespace

Structure::Structure(const std::array<double, 9> &cell, const std::array<bool, 3> &periodic,
                     std::vector<double> positions, std::vector<int> atom_types, double cutoff)
    : types(std::move(atom_types)) {
  const int atom_count = this->atom_count();
  if (positions.size() != 3 * types.size())
    throw std::invalid_argument("positions and types are of different numbers of atoms");
  require_finite(cell.data(), cell.size(), "the cell");
  require_finite(positions.data(), positions.size(), "a position");
  Vector vectors[3], reciprocal[3];
  for (int k = 0; k < 3; ++k)
    vectors[k] = {cell[3 * k], cell[3 * k + 1], cell[3 * k + 2]};
  const double volume = dot(vectors[0], cross(vectors[1], vectors[2]));
  if (!(std::abs(volume) > 0))
    throw std::invalid_argument("the cell has no volume");
  for (int k = 0; k < 3; ++k) {
    reciprocal[k] = cross(vectors[(k + 1) % 3], vectors[(k + 2) % 3]);
    for (double &component : reciprocal[k])
      component /= volume;
  }

  // Into the cell along periodic vectors; fractions from 0 along all.
  std::vector<Vector> fractions(atom_count);
  Vector extent{1, 1, 1};
  for (int k = 0; k < 3; ++k) {
    double lowest = 0, highest = 0;
    for (int i = 0; i < atom_count; ++i) {
      double *position = &positions[3 * i];
      double fraction = dot(reciprocal[k], {position[0], position[1], position[2]});
      if (periodic[k]) {
        const double shift = std::floor(fraction);
        for (int axis = 0; axis < 3; ++axis)
          position[axis] -= shift * vectors[k][axis];
        fraction -= shift;
      }
      lowest = i == 0 ? fraction : std::min(lowest, fraction);
      highest = i == 0 ? fraction : std::max(highest, fraction);
      fractions[i][k] = fraction;
    }
    if (!periodic[k]) {
      extent[k] = highest - lowest;
      for (Vector &fraction : fractions)
        fraction[k] -= lowest;
    }
  }

  Slices slices[3];
  double images = 1;
  for (int k = 0; k < 3; ++k) {
    const double thickness = extent[k] / std::sqrt(dot(reciprocal[k], reciprocal[k]));
    // No more slices than there are atoms, even in a vast box with few.
    slices[k].count = static_cast<int>(
        std::clamp(std::floor(thickness / cutoff), 1.0, std::cbrt(atom_count) + 1));
    const double reach = std::ceil(cutoff * slices[k].count / thickness);
    images *= periodic[k] ? 2 * reach + 1 : 1;
    if (!(images <= most_images))
      throw std::invalid_argument("the cell is too small for a cut-off of " +
                                  std::to_string(cutoff) + " A");
    slices[k].reach = periodic[k] ? static_cast<int>(reach) : slices[k].count == 1 ? 0 : 1;
  }

  // Atoms by slices along all three vectors.
  const auto bin_of = [&](const std::array<int, 3> &place) {
    return (place[0] * slices[1].count + place[1]) * slices[2].count + place[2];
  };
  std::vector<std::array<int, 3>> places(atom_count);
  std::vector<std::vector<int>> bins(slices[0].count * slices[1].count * slices[2].count);
  for (int i = 0; i < atom_count; ++i) {
    for (int k = 0; k < 3; ++k) {
      const double share = extent[k] > 0 ? fractions[i][k] / extent[k] : 0;
      places[i][k] = std::clamp(static_cast<int>(share * slices[k].count), 0, slices[k].count - 1);
    }
    bins[bin_of(places[i])].push_back(i);
  }

  starts.push_back(0);
  for (int i = 0; i < atom_count; ++i) {
    const double *centre = &positions[3 * i];
    std::array<int, 3> offset;
    const auto visit = [&] {
      std::array<int, 3> place;
      Vector shift{};
      for (int k = 0; k < 3; ++k) {
        const int count = slices[k].count;
        const int image = static_cast<int>(std::floor((places[i][k] + offset[k]) / double(count)));
        if (image != 0 && !periodic[k])
          return;
        place[k] = places[i][k] + offset[k] - image * count;
        for (int axis = 0; axis < 3; ++axis)
          shift[axis] += image * vectors[k][axis];
      }
      const bool is_home = shift == Vector{};
      for (const int j : bins[bin_of(place)]) {
        if (j == i && is_home)
          continue;
        const double *position = &positions[3 * j];
        const Vector vector{position[0] + shift[0] - centre[0], position[1] + shift[1] - centre[1],
                            position[2] + shift[2] - centre[2]};
        if (dot(vector, vector) < cutoff * cutoff)
          neighbours.push_back({j, vector});
      }
    };
    for (offset[0] = -slices[0].reach; offset[0] <= slices[0].reach; ++offset[0])
      for (offset[1] = -slices[1].reach; offset[1] <= slices[1].reach; ++offset[1])
        for (offset[2] = -slices[2].reach; offset[2] <= slices[2].reach; ++offset[2])
          visit();
    starts.push_back(neighbours.size());
  }
}

} // namespace mtp
