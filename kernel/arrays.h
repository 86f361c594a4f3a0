// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace mtp {

/// The widest vector register in doubles; arrays are padded to whole ones.
constexpr int widest = 8;

inline int rounded_up(int numbers) { return (numbers + widest - 1) / widest * widest; }

/// Numbers that vector registers can be filled from: aligned, and padded to whole registers.
class AlignedArray {
public:
  double *data() { return numbers_.get(); }
  const double *data() const { return numbers_.get(); }
  double &operator[](std::size_t i) { return numbers_[i]; }
  double operator[](std::size_t i) const { return numbers_[i]; }
  std::size_t size() const { return size_; }

  /// Makes room for so many numbers. What was there is lost, what is there is zero.
  void reset(std::size_t numbers) {
    size_ = (numbers + widest - 1) / widest * widest;
    numbers_.reset(new (alignment) double[size_]());
  }

  /// Makes room for at least so many numbers. What was there is lost if that is more than before.
  void reserve(std::size_t numbers) {
    if (size_ < numbers)
      reset(2 * numbers);
  }

private:
  static constexpr std::align_val_t alignment{widest * sizeof(double)};
  struct Deleter {
    void operator()(double *numbers) const { ::operator delete[](numbers, alignment); }
  };
  std::unique_ptr<double[], Deleter> numbers_;
  std::size_t size_ = 0;
};

} // namespace mtp
