// SPDX-License-Identifier: MIT
#include "tables.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace mtp {

namespace {

/// Number of x^a y^b z^c in the order of Tables::highest_rank.
int monomial_number(const std::array<int, 3> &powers) {
  const int rank = powers[0] + powers[1] + powers[2];
  const int without_x = rank - powers[0];
  const int before = rank == 0 ? 0 : monomials_up_to(rank - 1);
  return before + without_x * (without_x + 1) / 2 + powers[2];
}

/// Which moments some scalar depends on.
std::vector<bool> in_use(const Potential &potential) {
  std::vector<bool> used(potential.moment_count, false);
  for (const int scalar : potential.scalars)
    used[scalar] = true;
  for (auto product = potential.products.rbegin(); product != potential.products.rend(); ++product)
    if (used[product->target])
      used[product->left] = used[product->right] = true;
  return used;
}

/// Sums from terms by entry.
Sums in_rows(const std::vector<std::vector<Term>> &rows) {
  Sums sums;
  for (const auto &row : rows) {
    sums.terms.insert(sums.terms.end(), row.begin(), row.end());
    sums.ends.push_back(static_cast<int>(sums.terms.size()));
  }
  return sums;
}

/// Those of the scalars from `first` to `end`, from the terms of all moments' derivatives, which
/// are by moment, the last first.
ScalarDerivatives derivatives_of(const std::vector<int> &scalars, std::size_t first,
                                 std::size_t end, const std::vector<std::vector<Term>> &backward) {
  const int moment_count = static_cast<int>(backward.size());
  std::vector<bool> needed(moment_count, false);
  for (std::size_t s = first; s < end; ++s)
    needed[scalars[s]] = true;
  ScalarDerivatives found;
  std::vector<std::vector<Term>> rows;
  for (int moment = moment_count - 1; moment >= 0; --moment) {
    std::vector<Term> row;
    for (const Term &term : backward[moment_count - 1 - moment])
      if (needed[term.first]) // the product that this moment is a factor of, which comes later
        row.push_back(term);
    if (row.empty() && !needed[moment])
      continue;
    needed[moment] = true;
    found.moments.push_back(moment);
    rows.push_back(std::move(row));
  }
  found.adjoints = in_rows(rows);
  return found;
}

} // namespace

Tables::Tables(const Potential &potential)
    : species_count(potential.species_count), radial_count(potential.radial_count),
      chebyshev_count(potential.chebyshev_count), closest(potential.closest),
      cutoff(potential.cutoff), scaling(potential.scaling), radial(potential.radial),
      shifts(potential.shifts), monomials_of(potential.radial_count, 0), linear(potential.linear) {
  for (double &coefficient : radial)
    coefficient *= scaling;

  const auto used = in_use(potential);
  const int files_basic_count = static_cast<int>(potential.basic.size());
  for (int moment = 0; moment < files_basic_count; ++moment) {
    if (!used[moment])
      continue;
    const auto &[mu, powers] = potential.basic[moment];
    const int rank = powers[0] + powers[1] + powers[2];
    highest_rank = std::max(highest_rank, rank);
    monomials_of[mu] = std::max(monomials_of[mu], monomials_up_to(rank));
  }
  monomial_count = monomials_up_to(highest_rank);

  // Products are complete before they are read, so the order of the targets' last products is one
  // in which each moment is made of earlier ones.
  std::vector<int> number(potential.moment_count, -1);
  for (int moment = 0; moment < files_basic_count; ++moment) {
    const auto &[mu, powers] = potential.basic[moment];
    number[moment] = std::accumulate(monomials_of.begin(), monomials_of.begin() + mu, 0) +
                     monomial_number(powers);
  }
  basic_count = std::accumulate(monomials_of.begin(), monomials_of.end(), 0);
  moment_count = basic_count;
  std::vector<int> last_product(potential.moment_count, -1);
  for (std::size_t k = 0; k < potential.products.size(); ++k)
    last_product[potential.products[k].target] = static_cast<int>(k);
  for (std::size_t k = 0; k < potential.products.size(); ++k) {
    const int target = potential.products[k].target;
    if (used[target] && last_product[target] == static_cast<int>(k))
      number[target] = moment_count++;
  }
  // A scalar that nothing makes is zero, and so are products with it.
  for (int moment = files_basic_count; moment < potential.moment_count; ++moment)
    if (used[moment] && number[moment] < 0)
      number[moment] = moment_count++;

  std::map<std::tuple<int, int, int>, double> factors; // by target, left, right
  for (const auto &product : potential.products)
    if (used[product.target]) {
      const auto [left, right] = std::minmax(number[product.left], number[product.right]);
      factors[{number[product.target], left, right}] += product.factor;
    }
  std::vector<std::vector<Term>> forward(moment_count - basic_count);
  std::vector<std::vector<Term>> backward(moment_count);
  for (const auto &[key, factor] : factors) {
    const auto [target, left, right] = key;
    forward[target - basic_count].push_back({left, right, factor});
    const int last = moment_count - 1;
    if (left == right) {
      backward[last - left].push_back({target, left, 2 * factor});
    } else {
      backward[last - left].push_back({target, right, factor});
      backward[last - right].push_back({target, left, factor});
    }
  }
  products = in_rows(forward);
  adjoints = in_rows(backward);
  direct.assign(moment_count, 0.0);
  for (std::size_t k = 0; k < potential.scalars.size(); ++k) {
    scalars.push_back(number[potential.scalars[k]]);
    direct[scalars.back()] += linear[k];
  }
  for (std::size_t first = 0; first < scalars.size(); first += widest)
    scalar_derivatives.push_back(
        derivatives_of(scalars, first, std::min(first + widest, scalars.size()), backward));
}

} // namespace mtp
