// SPDX-License-Identifier: MIT
#include "structure_evaluator.h"

#include <algorithm>

namespace mtp {

namespace {

/// Pairs of axes of the strain components, in Voigt order.
constexpr int voigt[6][2] = {{0, 0}, {1, 1}, {2, 2}, {1, 2}, {0, 2}, {0, 1}};

} // namespace

StructureEvaluator::StructureEvaluator(const Tables &tables)
    : tables_(tables), evaluator_(tables), passes_(evaluator_.passes()),
      batch_(evaluator_.make_batch()) {}

void StructureEvaluator::collect(const Structure &structure, int i,
                                 Neighbourhood &neighbourhood) const {
  const std::size_t start = structure.starts[i], end = structure.starts[i + 1];
  neighbourhood.type = structure.types[i];
  for (auto &neighbours : neighbourhood.neighbours)
    neighbours.clear(static_cast<int>(end - start));
  for (std::size_t k = start; k < end; ++k) {
    const auto &[atom, vector] = structure.neighbours[k];
    neighbourhood.neighbours[structure.types[atom]].add(vector[0], vector[1], vector[2], atom,
                                                        true);
  }
}

void StructureEvaluator::evaluate(const Structure &structure, double *energies, double *forces,
                                  double *strain_derivative) {
  const int atom_count = structure.atom_count();
  const int batch_size = passes_.batch_size;
  std::fill_n(forces, 3 * atom_count, 0.0);
  std::fill_n(strain_derivative, 6, 0.0);
  for (int first = 0; first < atom_count; first += batch_size) {
    const int count = std::min(batch_size, atom_count - first);
    for (int k = 0; k < count; ++k)
      collect(structure, first + k, batch_[k]);
    evaluator_.evaluate(batch_.data(), count);
    for (int k = 0; k < count; ++k) {
      energies[first + k] = batch_[k].energy;
      for (const auto &neighbours : batch_[k].neighbours)
        for (int n = 0; n < neighbours.size(); ++n) {
          const double vector[3] = {neighbours.x[n], neighbours.y[n], neighbours.z[n]};
          const double gradient[3] = {neighbours.gradient_x[n], neighbours.gradient_y[n],
                                      neighbours.gradient_z[n]};
          for (int axis = 0; axis < 3; ++axis) {
            forces[3 * (first + k) + axis] += gradient[axis];
            forces[3 * neighbours.labels[n] + axis] -= gradient[axis];
          }
          for (int component = 0; component < 6; ++component) {
            const auto [a, b] = voigt[component];
            strain_derivative[component] +=
                0.5 * (gradient[a] * vector[b] + gradient[b] * vector[a]);
          }
        }
    }
  }
}

void StructureEvaluator::evaluate_rows(const Structure &structure, double *rows) {
  const int atom_count = structure.atom_count();
  const int batch_size = passes_.batch_size;
  const int parameter_count = tables_.parameter_count();
  for (int first = 0; first < atom_count; first += batch_size) {
    const int count = std::min(batch_size, atom_count - first);
    for (int k = 0; k < count; ++k)
      collect(structure, first + k, batch_[k]);
    evaluator_.evaluate_with_rows(batch_.data(), count);
    for (int k = 0; k < count; ++k, rows += parameter_count)
      evaluator_.copy_row(k, rows);
  }
}

/// Adds the derivatives of one atom's neighbours' gradients (`size` columns from `gradients` on) to
/// those of forces and strain derivative.
void StructureEvaluator::scatter(const Structure &structure, int i,
                                 const Neighbourhood &neighbourhood, const double *gradients,
                                 double *target, std::size_t stride, int size) const {
  const auto row = [&](int number) { return target + number * stride; };
  const int strain_rows = 1 + 3 * structure.atom_count();
  int first_register = 0;
  for (const auto &neighbours : neighbourhood.neighbours) {
    for (int n = 0; n < neighbours.size(); ++n) {
      const int j = neighbours.labels[n];
      const double vector[3] = {neighbours.x[n], neighbours.y[n], neighbours.z[n]};
      const int place = first_register + n / derivatives_.lanes;
      for (int axis = 0; axis < 3; ++axis) {
        const double *gradient = gradients + derivatives_.row(place, n % derivatives_.lanes, axis) *
                                                 derivatives_.columns;
        if (j != i) { // a neighbour that is an image moves with the atom
          passes_.add_scaled(row(1 + 3 * i + axis), gradient, 1, size);
          passes_.add_scaled(row(1 + 3 * j + axis), gradient, -1, size);
        }
        for (int component = 0; component < 6; ++component) {
          const auto [a, b] = voigt[component];
          const double factor = 0.5 * ((a == axis) * vector[b] + (b == axis) * vector[a]);
          if (a == axis || b == axis)
            passes_.add_scaled(row(strain_rows + component), gradient, factor, size);
        }
      }
    }
    first_register += (neighbours.size() + derivatives_.lanes - 1) / derivatives_.lanes;
  }
}

void StructureEvaluator::differentiate(const Structure &structure, double *radial, double *linear) {
  const int atom_count = structure.atom_count();
  const std::size_t row_count = 7 + 3 * static_cast<std::size_t>(atom_count);
  const std::size_t radial_stride = tables_.radial.size();
  const std::size_t linear_stride = tables_.shifts.size() + tables_.linear.size();
  if (radial)
    std::fill_n(radial, row_count * radial_stride, 0.0);
  if (linear)
    std::fill_n(linear, row_count * linear_stride, 0.0);
  const int per_centre = tables_.radial_offset(1, 0);
  const auto scalar_count = static_cast<int>(tables_.linear.size());
  Neighbourhood &neighbourhood = batch_.front();
  for (int i = 0; i < atom_count; ++i) {
    collect(structure, i, neighbourhood);
    evaluator_.differentiate(neighbourhood, radial != nullptr, linear != nullptr, derivatives_);
    if (radial) {
      double *target = radial + tables_.radial_offset(neighbourhood.type, 0);
      passes_.add_scaled(target, derivatives_.energy.data(), 1, per_centre);
      scatter(structure, i, neighbourhood, derivatives_.gradients.data(), target, radial_stride,
              per_centre);
    }
    if (!linear)
      continue;
    linear[neighbourhood.type] += 1;
    double *target = linear + tables_.shifts.size();
    passes_.add_scaled(target, derivatives_.energy.data() + derivatives_.linear_column, 1,
                       scalar_count);
    scatter(structure, i, neighbourhood, derivatives_.gradients.data() + derivatives_.linear_column,
            target, linear_stride, scalar_count);
  }
}

} // namespace mtp
