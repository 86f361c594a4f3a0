// SPDX-License-Identifier: MIT
#include "passes.h"

#include <cmath>
#include <cstdlib>
#include <stdexcept>

// Vectors are passed by reference, so that how registers pass them matters to nobody.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace mtp {

namespace portable {
namespace {
constexpr char name[] = "portable";
constexpr int lane_count = 2; // all processors that matter have vectors of two
#include "passes.ipp"
} // namespace
} // namespace portable

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
namespace avx2 {
namespace {
constexpr char name[] = "avx2";
constexpr int lane_count = 4;
#include "passes.ipp"
} // namespace
} // namespace avx2
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))),        \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx2,fma")
#endif
namespace avx512 {
namespace {
constexpr char name[] = "avx512";
constexpr int lane_count = 8;
#include "passes.ipp"
} // namespace
} // namespace avx512
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif

namespace {

/// Passes that this processor can run, the fastest first.
std::vector<const Passes *> passes_that_run() {
  std::vector<const Passes *> found;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
    found.push_back(&avx512::passes);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    found.push_back(&avx2::passes);
#endif
  found.push_back(&portable::passes);
  return found;
}

} // namespace

const Passes &passes_for_this_processor() {
  const auto found = passes_that_run();
  const char *asked = std::getenv("MTP_INSTRUCTION_SET");
  if (!asked)
    return *found.front();
  std::string names;
  for (const Passes *passes : found) {
    if (std::string(asked) == passes->name)
      return *passes;
    names += names.empty() ? passes->name : std::string(", ") + passes->name;
  }
  throw std::runtime_error("MTP_INSTRUCTION_SET: found '" + std::string(asked) +
                           "' where one of what this processor has belongs: " + names);
}

void Derivatives::prepare(const Tables &tables, bool with_radial, bool with_linear,
                          int neighbour_count, int lane_count) {
  const auto padded = [=](int n) { return (n + lane_count - 1) / lane_count * lane_count; };
  const int radial_columns =
      with_radial ? tables.species_count * tables.radial_count * tables.chebyshev_count : 0;
  lanes = lane_count;
  linear_column = padded(radial_columns);
  columns = linear_column + (with_linear ? padded(static_cast<int>(tables.linear.size())) : 0);
  const std::size_t rows = 3 * static_cast<std::size_t>(neighbour_count);
  energy.reserve(columns);
  gradients.reserve(rows * columns);
  moment_gradients.reserve(rows * tables.basic_count);
  monomial_gradients.reserve(3 * lane_count * static_cast<std::size_t>(tables.monomial_count));
  angular.reserve(4 * static_cast<std::size_t>(neighbour_count) * tables.radial_count);
  polynomial_sums.reserve(static_cast<std::size_t>(tables.monomial_count) * tables.species_count *
                          tables.chebyshev_count);
  changes.reserve(static_cast<std::size_t>(lane_count) * tables.moment_count);
  adjoint_changes.reserve(static_cast<std::size_t>(lane_count) * tables.moment_count);
  factors.reserve(static_cast<std::size_t>(columns) * tables.basic_count);
}

PaddedInverse::PaddedInverse(const std::vector<double> &inverse)
    : size(static_cast<int>(std::lround(std::sqrt(static_cast<double>(inverse.size()))))),
      padded_size((size + block - 1) / block * block) {
  numbers.reset(static_cast<std::size_t>(size) * padded_size);
  for (int j = 0; j < size; ++j)
    for (int i = 0; i < size; ++i)
      numbers[static_cast<std::size_t>(j) * padded_size + i] =
          inverse[static_cast<std::size_t>(j) * size + i];
}

} // namespace mtp
