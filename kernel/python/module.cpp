// SPDX-License-Identifier: MIT
// The Python module mtp_kernel. Arrays go in and out as NumPy's; the interpreter's lock is released
// while a batch is evaluated. What a thread computes goes to places of its own, so that results do
// not depend on the number of threads.
#include "structure_evaluator.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <string>

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Vector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<double, nb::numpy>;

/// An array that Python owns.
struct Owned {
  explicit Owned(std::vector<std::size_t> shape) : shape(std::move(shape)) {
    std::size_t size = 1;
    for (const std::size_t length : this->shape)
      size *= length;
    numbers = new double[size];
  }
  Result to_numpy() const {
    nb::capsule owner(numbers, [](void *p) noexcept { delete[] static_cast<double *>(p); });
    return Result(numbers, shape.size(), shape.data(), owner);
  }
  std::vector<std::size_t> shape;
  double *numbers;
};

/// A potential whose coefficients may be changed.
class Model {
public:
  Model(const std::string &name, nb::bytes content)
      : potential_(mtp::parse_potential(name, {content.c_str(), content.size()})),
        tables_(potential_) {}

  void set_coefficients(double closest, Vector radial, Vector shifts, Vector linear) {
    if (radial.size() != potential_.radial.size() || shifts.size() != potential_.shifts.size() ||
        linear.size() != potential_.linear.size())
      throw std::invalid_argument("coefficients are of another number than the potential's");
    if (!(closest < potential_.cutoff))
      throw std::invalid_argument("the lower end of the radial basis is not below the cut-off");
    potential_.closest = closest;
    potential_.scaling = 1;
    potential_.radial.assign(radial.data(), radial.data() + radial.size());
    potential_.shifts.assign(shifts.data(), shifts.data() + shifts.size());
    potential_.linear.assign(linear.data(), linear.data() + linear.size());
    tables_ = mtp::Tables(potential_);
  }

  const mtp::Potential &potential() const { return potential_; }
  const mtp::Tables &tables() const { return tables_; }

private:
  mtp::Potential potential_;
  mtp::Tables tables_;
};

/// Refuses structures that were made for another potential.
void check(const Model &model, const std::vector<const mtp::Structure *> &structures) {
  for (const auto *structure : structures)
    for (const int type : structure->types)
      if (type < 0 || type >= model.tables().species_count)
        throw std::invalid_argument("found type " + std::to_string(type) +
                                    " of an atom where one of the potential's types belongs");
}

/// Calls work(evaluator, k) for each structure, on so many threads.
template <class Work>
void for_all(const Model &model, const std::vector<const mtp::Structure *> &structures,
             int thread_count, const Work &work) {
  check(model, structures);
  const auto count = static_cast<long>(structures.size());
  std::exception_ptr failure;
  nb::gil_scoped_release unlocked;
#pragma omp parallel num_threads(thread_count) if (thread_count > 1)
  {
    try {
      mtp::StructureEvaluator evaluator(model.tables());
#pragma omp for schedule(dynamic, 1)
      for (long k = 0; k < count; ++k)
        work(evaluator, k);
    } catch (...) {
#pragma omp critical
      failure = std::current_exception();
    }
  }
  if (failure)
    std::rethrow_exception(failure);
}

/// Where each structure's rows begin, and the number of all.
template <class Count>
std::vector<std::size_t> starts(const std::vector<const mtp::Structure *> &structures,
                                const Count &rows_of) {
  std::vector<std::size_t> found{0};
  for (const auto *structure : structures)
    found.push_back(found.back() + rows_of(*structure));
  return found;
}

std::size_t observable_count(const mtp::Structure &structure) {
  return 7 + 3 * static_cast<std::size_t>(structure.atom_count());
}

nb::tuple evaluate(const Model &model, const std::vector<const mtp::Structure *> &structures,
                   int threads) {
  const auto first = starts(structures, [](const auto &one) { return one.types.size(); });
  const Owned energies({first.back()}), forces({first.back(), 3}),
      strain_derivatives({structures.size(), 6});
  for_all(model, structures, threads, [&](mtp::StructureEvaluator &evaluator, long k) {
    evaluator.evaluate(*structures[k], energies.numbers + first[k], forces.numbers + 3 * first[k],
                       strain_derivatives.numbers + 6 * k);
  });
  return nb::make_tuple(energies.to_numpy(), forces.to_numpy(), strain_derivatives.to_numpy());
}

Result rows(const Model &model, const std::vector<const mtp::Structure *> &structures,
            int threads) {
  const auto first = starts(structures, [](const auto &one) { return one.types.size(); });
  const auto size = static_cast<std::size_t>(model.tables().parameter_count());
  const Owned found({first.back(), size});
  for_all(model, structures, threads, [&](mtp::StructureEvaluator &evaluator, long k) {
    evaluator.evaluate_rows(*structures[k], found.numbers + size * first[k]);
  });
  return found.to_numpy();
}

nb::tuple differentiate(const Model &model, const std::vector<const mtp::Structure *> &structures,
                        bool with_radial, bool with_linear, int threads) {
  const auto first = starts(structures, observable_count);
  const auto &tables = model.tables();
  const std::size_t radial_size = with_radial ? tables.radial.size() : 0;
  const std::size_t linear_size = with_linear ? tables.shifts.size() + tables.linear.size() : 0;
  const Owned radial({first.back(), radial_size}), linear({first.back(), linear_size});
  for_all(model, structures, threads, [&](mtp::StructureEvaluator &evaluator, long k) {
    evaluator.differentiate(*structures[k],
                            with_radial ? radial.numbers + radial_size * first[k] : nullptr,
                            with_linear ? linear.numbers + linear_size * first[k] : nullptr);
  });
  return nb::make_tuple(radial.to_numpy(), linear.to_numpy());
}

mtp::Structure make_structure(Matrix cell, std::array<bool, 3> periodic, Matrix positions,
                              std::vector<int> types, double cutoff) {
  if (cell.shape(0) != 3 || cell.shape(1) != 3 || positions.shape(1) != 3)
    throw std::invalid_argument("a cell is of shape (3, 3), positions are of shape (atoms, 3)");
  std::array<double, 9> vectors;
  std::copy_n(cell.data(), 9, vectors.begin());
  return mtp::Structure(vectors, periodic, {positions.data(), positions.data() + positions.size()},
                        std::move(types), cutoff);
}

} // namespace

NB_MODULE(mtp_kernel, module) {
  module.doc() = "Moment tensor potentials: energies and their derivatives.";
  nb::exception<mtp::FileError>(module, "FileError", PyExc_ValueError);

  nb::class_<Model>(module, "Model", "A potential, from the content of an .mtp or .almtp file.")
      .def(nb::init<const std::string &, nb::bytes>(), "name"_a, "content"_a)
      .def("set_coefficients", &Model::set_coefficients, "closest"_a, "radial"_a, "shifts"_a,
           "linear"_a, "Replace the coefficients, the radial ones without a scaling.");

  nb::class_<mtp::Structure>(module, "Structure", "Atoms with their neighbours.")
      .def(
          "__init__",
          [](mtp::Structure *self, Matrix cell, std::array<bool, 3> periodic, Matrix positions,
             std::vector<int> types, double cutoff) {
            new (self)
                mtp::Structure(make_structure(cell, periodic, positions, std::move(types), cutoff));
          },
          "cell"_a, "periodic"_a, "positions"_a, "types"_a, "cutoff"_a);

  module.def("evaluate", &evaluate, "model"_a, "structures"_a, "threads"_a = 1,
             "Energies of all atoms (eV), forces (eV/A), derivatives by strain (eV, Voigt).");
  module.def("rows", &rows, "model"_a, "structures"_a, "threads"_a = 1,
             "Derivatives of all atoms' energies with respect to all parameters.");
  module.def("differentiate", &differentiate, "model"_a, "structures"_a, "with_radial"_a,
             "with_linear"_a, "threads"_a = 1,
             "Derivatives of energy, forces and strain derivative of each structure with respect "
             "to the radial coefficients, and to shifts and linear coefficients.");
}
