// SPDX-License-Identifier: MIT
#include "evaluate.h"

#include <algorithm>

namespace mtp {

void Neighbours::clear(int capacity) {
  size_ = 0;
  if (x.size() > capacity) // one more, since add writes before it decides
    return;
  for (LaneArray *array : {&x, &y, &z, &gradient_x, &gradient_y, &gradient_z})
    array->resize(capacity + 1);
  labels.resize(x.size());
}

void Neighbours::fill_lanes(double cutoff) {
  for (int i = size_; i < lanes_for(size_) * lane_count; ++i) {
    x[i] = cutoff;
    y[i] = z[i] = 0;
  }
}

Evaluator::Evaluator(const Potential &potential)
    : species_count_(potential.species_count), radial_count_(potential.radial_count),
      chebyshev_count_(potential.chebyshev_count), closest_(potential.closest),
      cutoff_(potential.cutoff), scaling_(potential.scaling), radial_(potential.radial),
      shifts_(potential.shifts), linear_(potential.linear), products_(potential.products),
      scalars_(potential.scalars), basic_count_(static_cast<int>(potential.basic.size())),
      monomials_{{0, 0}}, monomial_powers_{{0, 0, 0}}, terms_(radial_count_) {
  for (double &coefficient : radial_)
    coefficient *= scaling_;
  for (int moment = 0; moment < basic_count_; ++moment) {
    const auto &basic = potential.basic[moment];
    terms_[basic.radial].push_back({monomial_index(basic.powers), moment});
  }
  basic_sums_.resize(basic_count_);
  moments_.resize(potential.moment_count, Lanes{});
  adjoints_.resize(potential.moment_count);
  monomial_adjoints_.resize(monomials_.size());
  radial_row_sums_.resize(radial_count_ * chebyshev_count_);
}

/// Number of the monomial; it and its ancestors are made where they are missing.
int Evaluator::monomial_index(const std::array<int, 3> &powers) {
  const auto found = std::find(monomial_powers_.begin(), monomial_powers_.end(), powers);
  if (found != monomial_powers_.end())
    return static_cast<int>(found - monomial_powers_.begin());
  const int axis = powers[0] > 0 ? 0 : powers[1] > 0 ? 1 : 2;
  auto parent = powers;
  --parent[axis];
  monomials_.push_back({monomial_index(parent), axis});
  monomial_powers_.push_back(powers);
  return static_cast<int>(monomials_.size()) - 1;
}

Evaluator::Chunk Evaluator::chunk(int index) {
  const int monomial_count = static_cast<int>(monomials_.size());
  const int size = 4 + monomial_count + 2 * radial_count_ + chebyshev_count_;
  if (chunks_.size() < static_cast<std::size_t>(index + 1) * size)
    chunks_.resize(static_cast<std::size_t>(2 * index + 1) * size);
  Lanes *unit = &chunks_[static_cast<std::size_t>(index) * size];
  Lanes *monomials = unit + 4;
  Lanes *radial = monomials + monomial_count;
  return {unit, unit + 3, monomials, radial, radial + radial_count_, radial + 2 * radial_count_};
}

/// Fills a chunk from the i-th Lanes of neighbours.
void Evaluator::evaluate_chunk(const Neighbours &neighbours, int i, const double *coefficients,
                               const Chunk &chunk) {
  const Lanes x = neighbours.x.lanes(i);
  const Lanes y = neighbours.y.lanes(i);
  const Lanes z = neighbours.z.lanes(i);
  const Lanes r = square_root(x * x + y * y + z * z);
  const Lanes inverse = 1.0 / r;
  *chunk.inverse_distance = inverse;
  chunk.unit[0] = x * inverse;
  chunk.unit[1] = y * inverse;
  chunk.unit[2] = z * inverse;

  chunk.monomials[0] = 1.0 + Lanes{};
  for (std::size_t k = 1; k < monomials_.size(); ++k)
    chunk.monomials[k] = chunk.monomials[monomials_[k].parent] * chunk.unit[monomials_[k].axis];

  // Chebyshev polynomials times (cutoff - r)^2, and slopes, by the three-term recurrence.
  const double stretch = 2 / (cutoff_ - closest_);
  const Lanes xi = stretch * (r - closest_) - 1.0;
  const Lanes inside = cutoff_ - r;
  Lanes value = inside * inside;
  Lanes slope = -2.0 * inside;
  Lanes value_before{};
  Lanes slope_before{};
  for (int mu = 0; mu < radial_count_; ++mu)
    chunk.radial[mu] = chunk.radial_slopes[mu] = Lanes{};
  for (int b = 0; b < chebyshev_count_; ++b) {
    chunk.chebyshev[b] = value;
    for (int mu = 0; mu < radial_count_; ++mu) {
      const double coefficient = coefficients[mu * chebyshev_count_ + b];
      chunk.radial[mu] += coefficient * value;
      chunk.radial_slopes[mu] += coefficient * slope;
    }
    const double factor = b == 0 ? 1.0 : 2.0; // T_1 = xi T_0, T_b+1 = 2 xi T_b - T_b-1
    const Lanes next_value = factor * xi * value - value_before;
    const Lanes next_slope = factor * (stretch * value + xi * slope) - slope_before;
    value_before = value;
    slope_before = slope;
    value = next_value;
    slope = next_slope;
  }
}

void Evaluator::sum_basic_moments(const Neighbourhood &neighbourhood, int first_chunk, int lane) {
  std::fill(basic_sums_.begin(), basic_sums_.end(), Lanes{});
  int index = first_chunk;
  for (int type = 0; type < species_count_; ++type) {
    const auto &neighbours = neighbourhood.neighbours[type];
    const double *coefficients = &radial_[radial_offset(neighbourhood.type, type)];
    for (int i = 0; i < lanes_for(neighbours.size()); ++i) {
      const Chunk values = chunk(index++);
      evaluate_chunk(neighbours, i, coefficients, values);
      for (int mu = 0; mu < radial_count_; ++mu)
        for (const Term &term : terms_[mu])
          basic_sums_[term.moment] += values.radial[mu] * values.monomials[term.monomial];
    }
  }
  for (int moment = 0; moment < basic_count_; ++moment)
    moments_[moment][lane] = sum(basic_sums_[moment]);
}

/// All other moments, and the energy's derivative with respect to every moment.
void Evaluator::multiply_moments() {
  std::fill(moments_.begin() + basic_count_, moments_.end(), Lanes{});
  for (const Product &product : products_)
    moments_[product.target] += product.factor * moments_[product.left] * moments_[product.right];

  std::fill(adjoints_.begin(), adjoints_.end(), Lanes{});
  for (std::size_t k = 0; k < scalars_.size(); ++k)
    adjoints_[scalars_[k]] += linear_[k];
  for (auto product = products_.rbegin(); product != products_.rend(); ++product) {
    const Lanes adjoint = product->factor * adjoints_[product->target];
    adjoints_[product->left] += adjoint * moments_[product->right];
    adjoints_[product->right] += adjoint * moments_[product->left];
  }
}

/// Energy's gradient with respect to the neighbours; with parameters, the derivatives with
/// respect to the radial coefficients are added to `radial_row`.
template <bool with_parameters>
void Evaluator::gradient(Neighbourhood &neighbourhood, int first_chunk, int lane,
                         double *radial_row) {
  int index = first_chunk;
  for (int type = 0; type < species_count_; ++type) {
    auto &neighbours = neighbourhood.neighbours[type];
    if constexpr (with_parameters)
      std::fill(radial_row_sums_.begin(), radial_row_sums_.end(), Lanes{});
    for (int i = 0; i < lanes_for(neighbours.size()); ++i) {
      const Chunk values = chunk(index++);
      std::fill(monomial_adjoints_.begin(), monomial_adjoints_.end(), Lanes{});
      Lanes along_unit{};
      for (int mu = 0; mu < radial_count_; ++mu) {
        Lanes radial_adjoint{};
        for (const Term &term : terms_[mu]) {
          const double adjoint = adjoints_[term.moment][lane];
          radial_adjoint += adjoint * values.monomials[term.monomial];
          monomial_adjoints_[term.monomial] += adjoint * values.radial[mu];
        }
        along_unit += values.radial_slopes[mu] * radial_adjoint;
        if constexpr (with_parameters)
          for (int b = 0; b < chebyshev_count_; ++b)
            radial_row_sums_[mu * chebyshev_count_ + b] += radial_adjoint * values.chebyshev[b];
      }
      Lanes unit_adjoint[3] = {};
      for (std::size_t k = monomials_.size() - 1; k > 0; --k) {
        const auto [parent, axis] = monomials_[k];
        unit_adjoint[axis] += monomial_adjoints_[k] * values.monomials[parent];
        monomial_adjoints_[parent] += monomial_adjoints_[k] * values.unit[axis];
      }
      // Moving a neighbour turns the unit vector only as far as it moves across it.
      const Lanes &inverse = *values.inverse_distance;
      along_unit -= inverse * (unit_adjoint[0] * values.unit[0] + unit_adjoint[1] * values.unit[1] +
                               unit_adjoint[2] * values.unit[2]);
      neighbours.gradient_x.lanes(i) = along_unit * values.unit[0] + inverse * unit_adjoint[0];
      neighbours.gradient_y.lanes(i) = along_unit * values.unit[1] + inverse * unit_adjoint[1];
      neighbours.gradient_z.lanes(i) = along_unit * values.unit[2] + inverse * unit_adjoint[2];
    }
    if constexpr (with_parameters) {
      double *row = radial_row + radial_offset(neighbourhood.type, type);
      for (std::size_t k = 0; k < radial_row_sums_.size(); ++k)
        row[k] += scaling_ * sum(radial_row_sums_[k]);
    }
  }
}

template <bool with_parameters>
void Evaluator::evaluate(Neighbourhood *batch, int count, std::vector<double> *row) {
  int first_chunk[batch_size];
  int chunk_count = 0;
  for (int lane = 0; lane < count; ++lane) {
    first_chunk[lane] = chunk_count;
    for (auto &neighbours : batch[lane].neighbours) {
      neighbours.fill_lanes(cutoff_);
      chunk_count += lanes_for(neighbours.size());
    }
    sum_basic_moments(batch[lane], first_chunk[lane], lane);
  }

  multiply_moments();

  Lanes energies{};
  for (std::size_t k = 0; k < scalars_.size(); ++k)
    energies += linear_[k] * moments_[scalars_[k]];

  for (int lane = 0; lane < count; ++lane) {
    Neighbourhood &neighbourhood = batch[lane];
    neighbourhood.energy = shifts_[neighbourhood.type] + energies[lane];
    if constexpr (with_parameters) {
      double *shift_row = row->data() + radial_.size();
      double *linear_row = shift_row + shifts_.size();
      shift_row[neighbourhood.type] += 1;
      for (std::size_t k = 0; k < scalars_.size(); ++k)
        linear_row[k] += moments_[scalars_[k]][lane];
      gradient<true>(neighbourhood, first_chunk[lane], lane, row->data());
    } else {
      gradient<false>(neighbourhood, first_chunk[lane], lane, nullptr);
    }
  }
}

template void Evaluator::evaluate<false>(Neighbourhood *, int, std::vector<double> *);
template void Evaluator::evaluate<true>(Neighbourhood *, int, std::vector<double> *);

} // namespace mtp
