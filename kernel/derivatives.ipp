// SPDX-License-Identifier: MIT
// Included by passes.ipp. Derivatives of a central atom's energy, and of its gradient, with respect
// to the coefficients. With m the basic moments and E(m; linear) the energy,
//     dE/dlinear_s  = B_s(m),                  dE/dradial_c  = dE/dm . dm/dradial_c,
// and, x being the coordinates of the neighbours,
//     d(dE/dx)/dlinear_s = dm/dx . dB_s/dm,
//     d(dE/dx)/dradial_c = dm/dx . (d2E/dm2 . dm/dradial_c) + dE/dm . d2m/(dx dradial_c).
// The products with dm/dx, which both have, are one product of matrices.

/// The gradient, with respect to the neighbours' positions, of all monomials of a chunk: by
/// monomial and axis.
inline void monomial_gradients(int highest_rank, const Chunk &chunk, Lanes *gradients) {
  const Lanes inverse = *chunk.inverse_distance;
  Lanes turning[3][3]; // derivative of a component of the unit vector (first) along an axis
  for (int component = 0; component < 3; ++component)
    for (int axis = 0; axis < 3; ++axis)
      turning[component][axis] =
          inverse * ((component == axis ? 1.0 : 0.0) - chunk.unit[component] * chunk.unit[axis]);
  gradients[0] = gradients[1] = gradients[2] = Lanes{};
  Lanes *next = gradients + 3;
  int below = 0;
  const auto raise = [&](int k, int component) {
    for (int axis = 0; axis < 3; ++axis)
      *next++ = gradients[3 * k + axis] * chunk.unit[component] +
                chunk.monomials[k] * turning[component][axis];
  };
  for (int rank = 1; rank <= highest_rank; ++rank) {
    const int size_below = rank * (rank + 1) / 2;
    for (int k = 0; k < size_below; ++k)
      raise(below + k, 0);
    for (int k = size_below - rank; k < size_below; ++k)
      raise(below + k, 1);
    raise(below + size_below - 1, 2);
    below += size_below;
  }
}

/// dm/dx of a chunk, by basic moment (`stride` numbers apart), axis and neighbour; and for each
/// radial function dE/dm times the monomials, and times their gradients.
inline void moment_gradients(const Tables &tables, const Chunk &chunk, const Lanes *gradients,
                             const double *basic_adjoints, double *moment_gradient, int stride,
                             Lanes *angular) {
  for (int mu = 0; mu < tables.radial_count; ++mu, angular += 4) {
    for (int k = 0; k < 4; ++k)
      angular[k] = Lanes{};
    for (int q = 0; q < tables.monomials_of[mu]; ++q, moment_gradient += stride) {
      const double adjoint = *basic_adjoints++;
      const Lanes along = chunk.slopes[mu] * chunk.monomials[q];
      angular[0] += adjoint * chunk.monomials[q];
      for (int axis = 0; axis < 3; ++axis) {
        const Lanes gradient = gradients[3 * q + axis];
        angular[1 + axis] += adjoint * gradient;
        lanes(moment_gradient)[axis] = along * chunk.unit[axis] + chunk.radial[mu] * gradient;
      }
    }
  }
}

/// Sums over the neighbours of one type of polynomial times monomial, times scaling, which is
/// dm/dradial: by monomial (`stride` numbers apart), for one radial function the polynomials.
inline void sum_polynomials(const Tables &tables, double *chunks, int first_chunk, int end_chunk,
                            double *sums, int stride) {
  for (int q = 0; q < tables.monomial_count; ++q, sums += stride)
    for (int b = 0; b < tables.chebyshev_count; ++b) {
      Lanes total{};
      for (int index = first_chunk; index < end_chunk; ++index) {
        const Chunk chunk(tables, chunks, index);
        total += chunk.chebyshev[b] * chunk.monomials[q];
      }
      sums[b] = tables.scaling * sum(total);
    }
}

/// Derivatives of scalars with respect to moments, a lane each, from `direct`, those at fixed other
/// moments.
inline void pull_back(const ScalarDerivatives &derivatives, const Lanes *moments,
                      const Lanes *direct, Lanes *adjoints) {
  const Term *term = derivatives.adjoints.terms.data();
  const Term *terms = term;
  const int *moment = derivatives.moments.data();
  for (const int end : derivatives.adjoints.ends) {
    Lanes total = direct[*moment];
    for (; term < terms + end; ++term)
      total += term->factor * (adjoints[term->first] * moments[term->second]);
    adjoints[*moment++] = total;
  }
}

/// Changes of all moments from those of the basic ones, and the changes of dE/dm that come of them.
inline void push_forward(const Tables &tables, const Lanes *moments, const Lanes *adjoints,
                         Lanes *changes, Lanes *adjoint_changes) {
  const Term *term = tables.products.terms.data();
  const Term *terms = term;
  Lanes *made = changes + tables.basic_count;
  for (const int end : tables.products.ends) {
    Lanes total{};
    for (; term < terms + end; ++term)
      total += term->factor * (changes[term->first] * moments[term->second] +
                               moments[term->first] * changes[term->second]);
    *made++ = total;
  }
  term = terms = tables.adjoints.terms.data();
  int moment = tables.moment_count;
  for (const int end : tables.adjoints.ends) {
    Lanes total{};
    for (; term < terms + end; ++term)
      total += term->factor * (adjoint_changes[term->first] * moments[term->second] +
                               adjoints[term->first] * changes[term->second]);
    adjoint_changes[--moment] = total;
  }
}

/// result[row][column] = sum over k of left[k][row] right[k][column], for lane_count rows and
/// `width` registers of columns.
template <int width>
inline void multiply_block(int inner, const double *left, int left_stride, const double *right,
                           double *result, int columns) {
  Lanes sums[lane_count][width] = {};
  for (int k = 0; k < inner; ++k, left += left_stride, right += columns)
    for (int row = 0; row < lane_count; ++row)
      for (int column = 0; column < width; ++column)
        sums[row][column] += left[row] * lanes(right)[column];
  for (int row = 0; row < lane_count; ++row)
    for (int column = 0; column < width; ++column)
      lanes(result + static_cast<std::size_t>(row) * columns)[column] = sums[row][column];
}

/// The product of two matrices, the left one transposed; rows are a multiple of lane_count.
inline void multiply(int rows, int inner, const double *left, const double *right, double *result,
                     int columns) {
  constexpr int width = 3;
  int column = 0;
  for (; column + width * lane_count <= columns; column += width * lane_count)
    for (int row = 0; row < rows; row += lane_count)
      multiply_block<width>(inner, left + row, rows, right + column,
                            result + static_cast<std::size_t>(row) * columns + column, columns);
  for (; column < columns; column += lane_count)
    for (int row = 0; row < rows; row += lane_count)
      multiply_block<1>(inner, left + row, rows, right + column,
                        result + static_cast<std::size_t>(row) * columns + column, columns);
}

/// See Passes::differentiate.
inline void differentiate(const Tables &tables, Workspace &workspace, Neighbourhood &neighbourhood,
                          bool with_radial, bool with_linear, Derivatives &derivatives) {
  int chunk_count = 0;
  for (Neighbours &neighbours : neighbourhood.neighbours) {
    neighbours.fill_up(tables.cutoff);
    chunk_count += registers_for(neighbours.size());
  }
  derivatives.prepare(tables, with_radial, with_linear, chunk_count * lane_count, lane_count);
  workspace.chunks.reserve(static_cast<std::size_t>(chunk_count) * Chunk::size(tables) *
                           lane_count);
  double *chunks = workspace.chunks.data();
  double *basic = workspace.basic.data();
  Lanes *moments = lanes(workspace.moments.data());
  Lanes *adjoints = lanes(workspace.adjoints.data());
  const int columns = derivatives.columns;
  const int basic_count = tables.basic_count;

  evaluate_basic_moments(tables, workspace, neighbourhood, 0, basic);
  for (int moment = 0; moment < basic_count; ++moment)
    moments[moment] = basic[moment] + Lanes{};
  multiply_moments(tables, moments, adjoints);
  for (int moment = 0; moment < basic_count; ++moment)
    basic[moment] = adjoints[moment][0];

  const int row_count = 3 * lane_count * chunk_count;
  double *moment_gradient = derivatives.moment_gradients.data();
  Lanes *monomial_gradient = lanes(derivatives.monomial_gradients.data());
  Lanes *angular = lanes(derivatives.angular.data());
  for (int index = 0; index < chunk_count; ++index) {
    const Chunk chunk(tables, chunks, index);
    monomial_gradients(tables.highest_rank, chunk, monomial_gradient);
    moment_gradients(tables, chunk, monomial_gradient, basic,
                     moment_gradient + 3 * lane_count * index, row_count,
                     angular + 4 * tables.radial_count * index);
  }

  // d2E/dm2 . dm/dradial and dB_s/dm, a lane a column.
  Lanes *changes = lanes(derivatives.changes.data());
  Lanes *adjoint_changes = lanes(derivatives.adjoint_changes.data());
  double *factors = derivatives.factors.data();
  if (with_radial) {
    const int per_type = tables.radial_count * tables.chebyshev_count;
    double *polynomial_sums = derivatives.polynomial_sums.data();
    const int sum_stride = tables.species_count * tables.chebyshev_count;
    int first_chunk = 0;
    for (int type = 0; type < tables.species_count; ++type) {
      const int end_chunk = first_chunk + registers_for(neighbourhood.neighbours[type].size());
      sum_polynomials(tables, chunks, first_chunk, end_chunk,
                      polynomial_sums + type * tables.chebyshev_count, sum_stride);
      first_chunk = end_chunk;
    }
    const int radial_columns = tables.species_count * per_type;
    for (int column = 0; column < derivatives.linear_column; column += lane_count) {
      for (int moment = 0; moment < basic_count; ++moment)
        changes[moment] = Lanes{};
      Lanes energy{};
      for (int lane = 0; lane < lane_count && column + lane < radial_columns; ++lane) {
        const int type = (column + lane) / per_type;
        const int mu = (column + lane) % per_type / tables.chebyshev_count;
        const int b = (column + lane) % tables.chebyshev_count;
        int moment = 0;
        for (int before = 0; before < mu; ++before)
          moment += tables.monomials_of[before];
        const double *sums = polynomial_sums + type * tables.chebyshev_count + b;
        for (int q = 0; q < tables.monomials_of[mu]; ++q, ++moment, sums += sum_stride) {
          changes[moment][lane] = *sums;
          energy[lane] += basic[moment] * *sums;
        }
      }
      *lanes(derivatives.energy.data() + column) = energy;
      push_forward(tables, moments, adjoints, changes, adjoint_changes);
      for (int moment = 0; moment < basic_count; ++moment)
        *lanes(factors + moment * columns + column) = adjoint_changes[moment];
    }
  }
  const int scalar_count = static_cast<int>(tables.scalars.size());
  for (int moment = 0; moment < tables.moment_count; ++moment)
    changes[moment] = Lanes{};
  for (int first = 0; first < columns - derivatives.linear_column; first += lane_count) {
    const int column = derivatives.linear_column + first;
    Lanes energy{};
    for (int s = first; s < first + lane_count && s < scalar_count; ++s) {
      changes[tables.scalars[s]][s - first] = 1;
      energy[s - first] = moments[tables.scalars[s]][0];
    }
    *lanes(derivatives.energy.data() + column) = energy;
    const ScalarDerivatives &of_these = tables.scalar_derivatives[first / widest];
    pull_back(of_these, moments, changes, adjoint_changes);
    for (int s = first; s < first + lane_count && s < scalar_count; ++s)
      changes[tables.scalars[s]][s - first] = 0;
    for (int moment = 0; moment < basic_count; ++moment)
      *lanes(factors + moment * columns + column) = Lanes{};
    for (const int moment : of_these.moments)
      if (moment < basic_count)
        *lanes(factors + moment * columns + column) = adjoint_changes[moment];
  }

  double *gradients = derivatives.gradients.data();
  multiply(row_count, basic_count, moment_gradient, factors, gradients, columns);
  if (!with_radial)
    return;

  // dE/dm . d2m/(dx dradial): a neighbour feels its own radial function.
  const double stretch = 2 / (tables.cutoff - tables.closest);
  int index = 0;
  for (int type = 0; type < tables.species_count; ++type)
    for (int i = 0; i < registers_for(neighbourhood.neighbours[type].size()); ++i, ++index) {
      const Chunk chunk(tables, chunks, index);
      const Lanes r = 1.0 / *chunk.inverse_distance;
      const Lanes xi = stretch * (r - tables.closest) - 1.0;
      Lanes slope = -2.0 * (tables.cutoff - r);
      Lanes slope_before{};
      double *rows = gradients + static_cast<std::size_t>(3 * lane_count) * index * columns;
      for (int b = 0; b < tables.chebyshev_count; ++b) {
        for (int mu = 0; mu < tables.radial_count; ++mu) {
          const Lanes *sums = angular + 4 * (tables.radial_count * index + mu);
          const int column = (type * tables.radial_count + mu) * tables.chebyshev_count + b;
          for (int axis = 0; axis < 3; ++axis) {
            const Lanes own = tables.scaling * (slope * chunk.unit[axis] * sums[0] +
                                                chunk.chebyshev[b] * sums[1 + axis]);
            for (int lane = 0; lane < lane_count; ++lane)
              rows[static_cast<std::size_t>(axis * lane_count + lane) * columns + column] +=
                  own[lane];
          }
        }
        const double factor = b == 0 ? 1.0 : 2.0;
        const Lanes next = factor * (stretch * chunk.chebyshev[b] + xi * slope) - slope_before;
        slope_before = slope;
        slope = next;
      }
    }
}

/// target += factor * source
inline void add_scaled(double *target, const double *source, double factor, int size) {
  for (int k = 0; k < size; ++k)
    target[k] += factor * source[k];
}
