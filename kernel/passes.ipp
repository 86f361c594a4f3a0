// SPDX-License-Identifier: MIT
// Included by passes.cpp once for each instruction set, in a namespace of its own that defines
// lane_count. Nothing here may have a name that two instruction sets share, a template of the
// standard library with own types included: the linker would keep one version for all.

/// Several numbers, one a neighbour or one a central atom: GCC's and Clang's vector extension.
using Lanes = double __attribute__((vector_size(lane_count * sizeof(double)), may_alias));

inline Lanes *lanes(double *numbers) { return reinterpret_cast<Lanes *>(numbers); }
inline const Lanes *lanes(const double *numbers) {
  return reinterpret_cast<const Lanes *>(numbers);
}

inline double sum(Lanes numbers) {
  for (int half = lane_count / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane)
      numbers[lane] += numbers[lane + half];
  return numbers[0];
}

inline Lanes square_root(const Lanes &numbers) {
  Lanes root;
  for (int lane = 0; lane < lane_count; ++lane)
    root[lane] = __builtin_sqrt(numbers[lane]);
  return root;
}

inline int registers_for(int numbers) { return (numbers + lane_count - 1) / lane_count; }

/// What is kept for the neighbours of a register from the basic moments to the gradient.
struct Chunk {
  Chunk(const Tables &tables, double *space, int index) {
    unit = lanes(space) + static_cast<std::size_t>(index) * size(tables);
    inverse_distance = unit + 3;
    monomials = unit + 4;
    radial = monomials + tables.monomial_count;
    slopes = radial + tables.radial_count;
    chebyshev = slopes + tables.radial_count;
  }
  /// Registers.
  static int size(const Tables &tables) {
    return 4 + tables.monomial_count + 2 * tables.radial_count + tables.chebyshev_count;
  }
  Lanes *unit, *inverse_distance, *monomials, *radial, *slopes, *chebyshev;
};

/// Monomials in the order of Tables::highest_rank.
inline void evaluate_monomials(int highest_rank, const Lanes *unit, Lanes *monomials) {
  const Lanes x = unit[0], y = unit[1], z = unit[2];
  monomials[0] = 1.0 + Lanes{};
  Lanes *below = monomials;
  Lanes *next = monomials + 1;
  for (int rank = 1; rank <= highest_rank; ++rank) {
    const int size_below = rank * (rank + 1) / 2;
    for (int k = 0; k < size_below; ++k)
      *next++ = below[k] * x;
    for (int k = size_below - rank; k < size_below; ++k)
      *next++ = below[k] * y;
    *next++ = below[size_below - 1] * z;
    below += size_below;
  }
}

/// The energy's derivatives with respect to the components of the unit vector, from those with
/// respect to the monomials, which are used up.
inline void unit_adjoints(int highest_rank, const Lanes *unit, const Lanes *monomials,
                          Lanes *adjoints, Lanes *result) {
  const Lanes x = unit[0], y = unit[1], z = unit[2];
  Lanes by_x{}, by_y{}, by_z{};
  for (int rank = highest_rank; rank > 0; --rank) {
    const int size_below = rank * (rank + 1) / 2;
    const int below = rank == 1 ? 0 : monomials_up_to(rank - 2);
    const Lanes *from = adjoints + below + size_below;
    for (int k = below; k < below + size_below; ++k) {
      by_x += *from * monomials[k];
      adjoints[k] += *from++ * x;
    }
    for (int k = below + size_below - rank; k < below + size_below; ++k) {
      by_y += *from * monomials[k];
      adjoints[k] += *from++ * y;
    }
    by_z += *from * monomials[below + size_below - 1];
    adjoints[below + size_below - 1] += *from * z;
  }
  result[0] = by_x;
  result[1] = by_y;
  result[2] = by_z;
}

/// Fills a chunk from a register of neighbours.
inline void evaluate_chunk(const Tables &tables, const Lanes &x, const Lanes &y, const Lanes &z,
                           const double *coefficients, const Chunk &chunk) {
  const Lanes r = square_root(x * x + y * y + z * z);
  const Lanes inverse = 1.0 / r;
  *chunk.inverse_distance = inverse;
  chunk.unit[0] = x * inverse;
  chunk.unit[1] = y * inverse;
  chunk.unit[2] = z * inverse;
  evaluate_monomials(tables.highest_rank, chunk.unit, chunk.monomials);

  // Chebyshev polynomials times (cutoff - r)^2, and slopes, by the three-term recurrence.
  const double stretch = 2 / (tables.cutoff - tables.closest);
  const Lanes xi = stretch * (r - tables.closest) - 1.0;
  const Lanes inside = tables.cutoff - r;
  Lanes value = inside * inside;
  Lanes slope = -2.0 * inside;
  Lanes value_before{};
  Lanes slope_before{};
  for (int mu = 0; mu < tables.radial_count; ++mu)
    chunk.radial[mu] = chunk.slopes[mu] = Lanes{};
  for (int b = 0; b < tables.chebyshev_count; ++b) {
    chunk.chebyshev[b] = value;
    for (int mu = 0; mu < tables.radial_count; ++mu) {
      const double coefficient = coefficients[mu * tables.chebyshev_count + b];
      chunk.radial[mu] += coefficient * value;
      chunk.slopes[mu] += coefficient * slope;
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

/// Sums over chunks of a radial function times `width` monomials in a row.
template <int width>
inline void sum_monomials(const Tables &tables, double *space, int first_chunk, int chunk_count,
                          int mu, int monomial, double *moments) {
  Lanes sums[width] = {};
  for (int index = first_chunk; index < first_chunk + chunk_count; ++index) {
    const Chunk chunk(tables, space, index);
    const Lanes radial = chunk.radial[mu];
    for (int k = 0; k < width; ++k)
      sums[k] += radial * chunk.monomials[monomial + k];
  }
  for (int k = 0; k < width; ++k)
    moments[k] = sum(sums[k]);
}

// The three steps of an evaluation are functions that a profile can tell apart.

/// Fills a neighbourhood's chunks and its basic moments.
[[gnu::noinline]] void evaluate_basic_moments(const Tables &tables, Workspace &workspace,
                                              const Neighbourhood &neighbourhood, int first_chunk,
                                              double *moments) {
  double *space = workspace.chunks.data();
  int index = first_chunk;
  for (int type = 0; type < tables.species_count; ++type) {
    const Neighbours &neighbours = neighbourhood.neighbours[type];
    const double *coefficients =
        tables.radial.data() + tables.radial_offset(neighbourhood.type, type);
    const Lanes *x = lanes(neighbours.x.data());
    const Lanes *y = lanes(neighbours.y.data());
    const Lanes *z = lanes(neighbours.z.data());
    for (int i = 0; i < registers_for(neighbours.size()); ++i)
      evaluate_chunk(tables, x[i], y[i], z[i], coefficients, Chunk(tables, space, index++));
  }
  const int chunk_count = index - first_chunk;
  for (int mu = 0; mu < tables.radial_count; ++mu) {
    int k = 0;
    for (; k + 4 <= tables.monomials_of[mu]; k += 4, moments += 4)
      sum_monomials<4>(tables, space, first_chunk, chunk_count, mu, k, moments);
    for (; k < tables.monomials_of[mu]; ++k, ++moments)
      sum_monomials<1>(tables, space, first_chunk, chunk_count, mu, k, moments);
  }
}

/// All other moments, and the energy's derivative with respect to every moment.
[[gnu::noinline]] void multiply_moments(const Tables &tables, Lanes *moments, Lanes *adjoints) {
  const Term *term = tables.products.terms.data();
  Lanes *made = moments + tables.basic_count;
  const Term *terms = term;
  for (const int end : tables.products.ends) {
    Lanes total{};
    for (; term < terms + end; ++term)
      total += term->factor * (moments[term->first] * moments[term->second]);
    *made++ = total;
  }
  term = terms = tables.adjoints.terms.data();
  int moment = tables.moment_count;
  for (const int end : tables.adjoints.ends) {
    Lanes total = tables.direct[--moment] + Lanes{};
    for (; term < terms + end; ++term)
      total += term->factor * (adjoints[term->first] * moments[term->second]);
    adjoints[moment] = total;
  }
}

/// Energy's gradient with respect to the neighbours; with rows, also the derivatives with respect
/// to the radial coefficients, in lane `lane` of Workspace::rows.
template <bool with_rows>
[[gnu::noinline]] void evaluate_gradient(const Tables &tables, Workspace &workspace,
                                         Neighbourhood &neighbourhood, int first_chunk, int lane,
                                         const double *basic_adjoints) {
  Lanes *adjoints = lanes(workspace.monomial_adjoints.data());
  Lanes *radial_sums = lanes(workspace.radial_sums.data());
  const int radial_size = tables.radial_count * tables.chebyshev_count;
  int index = first_chunk;
  for (int type = 0; type < tables.species_count; ++type) {
    Neighbours &neighbours = neighbourhood.neighbours[type];
    if constexpr (with_rows)
      for (int k = 0; k < radial_size; ++k)
        radial_sums[k] = Lanes{};
    for (int i = 0; i < registers_for(neighbours.size()); ++i) {
      const Chunk chunk(tables, workspace.chunks.data(), index++);
      for (int k = 0; k < tables.monomial_count; ++k)
        adjoints[k] = Lanes{};
      Lanes along_unit{};
      const double *basic_adjoint = basic_adjoints;
      for (int mu = 0; mu < tables.radial_count; ++mu) {
        const Lanes radial = chunk.radial[mu];
        Lanes radial_adjoint{};
        for (int k = 0; k < tables.monomials_of[mu]; ++k) {
          const double adjoint = *basic_adjoint++;
          radial_adjoint += adjoint * chunk.monomials[k];
          adjoints[k] += adjoint * radial;
        }
        along_unit += chunk.slopes[mu] * radial_adjoint;
        if constexpr (with_rows)
          for (int b = 0; b < tables.chebyshev_count; ++b)
            radial_sums[mu * tables.chebyshev_count + b] += radial_adjoint * chunk.chebyshev[b];
      }
      Lanes turned[3];
      unit_adjoints(tables.highest_rank, chunk.unit, chunk.monomials, adjoints, turned);
      // Moving a neighbour turns the unit vector only as far as it moves across it.
      const Lanes inverse = *chunk.inverse_distance;
      along_unit -= inverse * (turned[0] * chunk.unit[0] + turned[1] * chunk.unit[1] +
                               turned[2] * chunk.unit[2]);
      lanes(neighbours.gradient_x.data())[i] = along_unit * chunk.unit[0] + inverse * turned[0];
      lanes(neighbours.gradient_y.data())[i] = along_unit * chunk.unit[1] + inverse * turned[1];
      lanes(neighbours.gradient_z.data())[i] = along_unit * chunk.unit[2] + inverse * turned[2];
    }
    if constexpr (with_rows) {
      double *row = workspace.rows.data() + lane +
                    lane_count * tables.radial_offset(neighbourhood.type, type);
      for (int k = 0; k < radial_size; ++k)
        row[lane_count * k] = tables.scaling * sum(radial_sums[k]);
    }
  }
}

template <bool with_rows>
void evaluate(const Tables &tables, Workspace &workspace, Neighbourhood *batch, int count) {
  int first_chunk[lane_count + 1] = {};
  for (int lane = 0; lane < count; ++lane) {
    first_chunk[lane + 1] = first_chunk[lane];
    for (Neighbours &neighbours : batch[lane].neighbours) {
      neighbours.fill_up(tables.cutoff);
      first_chunk[lane + 1] += registers_for(neighbours.size());
    }
  }
  const std::size_t space =
      static_cast<std::size_t>(first_chunk[count]) * Chunk::size(tables) * lane_count;
  workspace.chunks.reserve(space);

  const int basic_count = tables.basic_count;
  double *basic = workspace.basic.data();
  double *moments = workspace.moments.data();
  double *adjoints = workspace.adjoints.data();
  for (int lane = 0; lane < count; ++lane) {
    evaluate_basic_moments(tables, workspace, batch[lane], first_chunk[lane], basic);
    for (int moment = 0; moment < basic_count; ++moment)
      moments[moment * lane_count + lane] = basic[moment];
  }
  multiply_moments(tables, lanes(moments), lanes(adjoints));

  const int scalar_count = static_cast<int>(tables.scalars.size());
  Lanes energies{};
  for (int k = 0; k < scalar_count; ++k)
    energies += tables.linear[k] * lanes(moments)[tables.scalars[k]];
  if constexpr (with_rows) {
    Lanes *row = lanes(workspace.rows.data());
    const int before = static_cast<int>(tables.radial.size() + tables.shifts.size());
    for (int k = 0; k < before; ++k)
      row[k] = Lanes{};
    for (int k = 0; k < scalar_count; ++k)
      row[before + k] = lanes(moments)[tables.scalars[k]];
    for (int lane = 0; lane < count; ++lane)
      row[static_cast<int>(tables.radial.size()) + batch[lane].type][lane] = 1;
  }
  for (int lane = 0; lane < count; ++lane) {
    batch[lane].energy = tables.shifts[batch[lane].type] + energies[lane];
    for (int moment = 0; moment < basic_count; ++moment)
      basic[moment] = adjoints[moment * lane_count + lane];
    evaluate_gradient<with_rows>(tables, workspace, batch[lane], first_chunk[lane], lane, basic);
  }
}

/// Extrapolation grades of `rows_at_once` rows, which have derivative j of row k at
/// rows[lane_count * j + k]: the largest magnitude among the coefficients that express a row by
/// those of the active set. E. V. Podryabinkin and A. V. Shapeev, Comput. Mater. Sci. 140, 171
/// (2017), equation 8. A lane is one of the coefficients.
template <int rows_at_once>
void grade(const PaddedInverse &inverse, const double *rows, double *grades) {
  constexpr int width = PaddedInverse::block / widest; // registers of coefficients
  Lanes highest[rows_at_once] = {};
  for (int first = 0; first < inverse.padded_size; first += width * lane_count) {
    Lanes coefficients[rows_at_once][width] = {};
    const double *members = inverse.numbers.data() + first;
    for (int j = 0; j < inverse.size; ++j, members += inverse.padded_size)
      for (int row = 0; row < rows_at_once; ++row)
        for (int k = 0; k < width; ++k)
          coefficients[row][k] += rows[lane_count * j + row] * lanes(members)[k];
    for (int row = 0; row < rows_at_once; ++row)
      for (const Lanes &coefficient : coefficients[row]) {
        const Lanes magnitude = coefficient < 0.0 ? -coefficient : coefficient;
        // Atoms on top of each other make NaN, which stays.
        highest[row] = magnitude <= highest[row] ? highest[row] : magnitude;
      }
  }
  for (int row = 0; row < rows_at_once; ++row) {
    grades[row] = 0;
    for (int lane = 0; lane < lane_count; ++lane) {
      const double magnitude = highest[row][lane];
      if (!(magnitude <= grades[row])) // no grade is high enough for NaN
        grades[row] = magnitude == magnitude ? magnitude : __builtin_inf();
    }
  }
}

#include "derivatives.ipp"

constexpr Passes passes{name,     lane_count,        evaluate<false>, evaluate<true>,
                        grade<1>, grade<lane_count>, differentiate,   add_scaled};
