// SPDX-License-Identifier: MIT
// A moment tensor potential as its file holds it.
#pragma once

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mtp {

/// What is wrong with a potential file: its name, the line, what was found, what belongs there.
class FileError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// A sum over neighbours of radial function times powers of the unit vector's components.
struct BasicMoment {
  int radial;
  std::array<int, 3> powers;
};

/// moment[target] += factor * moment[left] * moment[right]
struct Product {
  int left;
  int right;
  double factor;
  int target;
};

enum class GradeMode { configuration, neighbourhood };

/// What an extrapolation grade is measured by (see grade in passes.ipp).
struct ActiveSet {
  GradeMode mode;
  /// Inverse of the matrix with a row for each member and a column for each parameter, by rows.
  std::vector<double> inverse;
};

struct Potential {
  int species_count = 0;
  /// Ends of the interval (A) that the Chebyshev polynomials' [-1, 1] is mapped to.
  double closest = 0;
  double cutoff = 0;
  int radial_count = 0;
  int chebyshev_count = 0;
  /// Factor of all radial functions. It stays apart from the coefficients: active sets hold
  /// derivatives with respect to the coefficients of the file.
  double scaling = 1;
  /// Radial coefficients by type of the centre, type of the neighbour, radial function, polynomial.
  std::vector<double> radial;
  /// Energy of an atom without neighbours (eV), by type.
  std::vector<double> shifts;
  /// Coefficients of the scalar moments (eV).
  std::vector<double> linear;
  /// Moments are numbered: first the basic ones, then those that products make.
  int moment_count = 0;
  std::vector<BasicMoment> basic;
  /// In an order in which every moment is complete before a product reads it.
  std::vector<Product> products;
  /// Numbers of the moments that the energy is linear in.
  std::vector<int> scalars;
  std::optional<ActiveSet> active_set;

  /// Parameters are ordered: radial, shifts, linear.
  int parameter_count() const {
    return static_cast<int>(radial.size() + shifts.size() + linear.size());
  }
};

/// Content of a file. Throws FileError if it cannot be read.
std::string read_file(const std::string &path);

/// Potential from the content of an .mtp or .almtp file of MLIP-3.
/// `name` stands for the file in messages. Throws FileError for whatever is malformed.
Potential parse_potential(const std::string &name, std::string_view content);

} // namespace mtp
