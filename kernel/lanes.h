// SPDX-License-Identifier: MIT
// Several numbers that are worked on at once: GCC's and Clang's vector extension.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace mtp {

constexpr int lane_count = 8;

/// Eight numbers, one a neighbour or one a central atom; one AVX-512 register or two of AVX2.
using Lanes = double __attribute__((vector_size(lane_count * sizeof(double))));

inline double sum(const Lanes &lanes) {
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

inline Lanes square_root(const Lanes &lanes) {
  Lanes root;
  for (int lane = 0; lane < lane_count; ++lane)
    root[lane] = std::sqrt(lanes[lane]);
  return root;
}

/// How many Lanes hold so many numbers.
inline int lanes_for(int numbers) { return (numbers + lane_count - 1) / lane_count; }

/// An array of numbers that is read and written one by one or by whole Lanes.
class LaneArray {
public:
  void resize(int numbers) { lanes_.resize(lanes_for(numbers)); }
  int size() const { return static_cast<int>(lanes_.size()) * lane_count; }
  Lanes &lanes(int i) { return lanes_[i]; }
  const Lanes &lanes(int i) const { return lanes_[i]; }
  // GCC and Clang let a vector and its elements alias.
  double &operator[](int i) { return reinterpret_cast<double *>(lanes_.data())[i]; }
  double operator[](int i) const { return reinterpret_cast<const double *>(lanes_.data())[i]; }

private:
  std::vector<Lanes> lanes_;
};

} // namespace mtp
