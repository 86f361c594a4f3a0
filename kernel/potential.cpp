// SPDX-License-Identifier: MIT
#include "potential.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

namespace mtp {
namespace {

/// Basic moments of level 28, the highest in use, have powers that add up to 12 at most.
constexpr int highest_rank = 32;

/// Largest deviation of active set times inverse from unity. Sets that MLIP-3 updated many
/// times reach 1e-6, any mix-up exceeds 1.
constexpr double inverse_tolerance = 1e-3;

const std::set<std::string_view> known_keys = {"version",
                                               "potential_name",
                                               "potential_tag",
                                               "scaling",
                                               "species_count",
                                               "radial_basis_type",
                                               "min_dist",
                                               "max_dist",
                                               "radial_basis_size",
                                               "radial_funcs_count",
                                               "alpha_moments_count",
                                               "alpha_index_basic_count",
                                               "alpha_index_basic",
                                               "alpha_index_times_count",
                                               "alpha_index_times",
                                               "alpha_scalar_moments",
                                               "alpha_moment_mapping",
                                               "species_coeffs",
                                               "moment_coeffs"};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == text.npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// As much of a text as fits into a message.
std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::string shown;
  for (const char c : text.substr(0, longest))
    shown += (c >= ' ' && c <= '~') ? c : '?';
  return "'" + shown + (text.size() > longest ? "...'" : "'");
}

/// A line of the file, or a part of it, and where it stands.
struct Text {
  int line;
  std::string_view text;
};

/// The file that is being read: gives lines and words complaints.
class Source {
public:
  Source(const std::string &name, std::string_view content) : name_(name), rest_(content) {}

  bool at_end() const { return rest_.empty(); }

  Text next_line() {
    const auto end = rest_.find('\n');
    const auto line = trimmed(rest_.substr(0, end));
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
    return {++line_, line};
  }

  /// What follows the last line that was given.
  std::string_view rest() const { return rest_; }
  int line() const { return line_; }

  [[noreturn]] void fail(int line, const std::string &complaint) const {
    throw FileError(name_ + ":" + std::to_string(line) + ": " + complaint);
  }

private:
  const std::string &name_;
  std::string_view rest_;
  int line_ = 0;
};

/// Reads numbers and brace lists of one value, such as "{{0, 1}, {2, 3}}".
class ValueReader {
public:
  ValueReader(const Source &source, std::string key, Text value)
      : source_(source), key_(std::move(key)), value_(value), rest_(value.text) {}

  [[noreturn]] void fail(const std::string &found, const std::string &right) const {
    source_.fail(value_.line, key_ + ": found " + found + " where " + right + " belongs");
  }

  bool accept(char symbol) {
    rest_ = trimmed(rest_);
    if (rest_.empty() || rest_.front() != symbol)
      return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char symbol) {
    if (!accept(symbol))
      fail(found(), std::string("'") + symbol + "'");
  }

  void expect_end() {
    rest_ = trimmed(rest_);
    if (!rest_.empty())
      fail(found(), "the end of the line");
  }

  double real() {
    const double number = convert<double>("a number");
    if (!std::isfinite(number))
      fail("a number that is not finite", "a finite number");
    return number;
  }

  /// A whole number of at least `lowest` and less than `end`.
  int whole(int lowest, int end) {
    const int number = convert<int>("a whole number");
    if (number < lowest || number >= end)
      fail(std::to_string(number),
           "a whole number from " + std::to_string(lowest) + " to " + std::to_string(end - 1));
    return number;
  }

  /// Calls `read_entry` for each entry between braces and commas; gives their number.
  template <class ReadEntry> int list(ReadEntry read_entry) {
    expect('{');
    if (accept('}'))
      return 0;
    int count = 0;
    do {
      read_entry();
      ++count;
    } while (accept(','));
    expect('}');
    return count;
  }

private:
  std::string found() const { return rest_.empty() ? "the end of the line" : quoted(rest_); }

  template <class Number> Number convert(const char *right) {
    rest_ = trimmed(rest_);
    Number number{};
    const char *end = rest_.data() + rest_.size();
    const auto [stop, error] = std::from_chars(rest_.data(), end, number);
    if (error != std::errc())
      fail(found(), right);
    rest_.remove_prefix(stop - rest_.data());
    return number;
  }

  const Source &source_;
  std::string key_;
  Text value_;
  std::string_view rest_;
};

constexpr int no_limit = 1 << 20;

/// The text part of a file: values by key, and the lines of the radial coefficients.
struct Entries {
  std::map<std::string, Text, std::less<>> values;
  std::vector<Text> radial_lines;
  bool has_active_set = false;
};

Entries read_entries(Source &source) {
  Entries entries;
  if (const auto first = source.next_line(); first.text != "MTP")
    source.fail(first.line, "found " + quoted(first.text) + " where 'MTP' belongs");
  bool in_radial = false;
  while (!source.at_end() && !entries.has_active_set) {
    const auto [number, line] = source.next_line();
    const auto equals = line.find('=');
    if (line.empty())
      continue;
    if (line == "#MVS_v1.1") {
      entries.has_active_set = true;
    } else if (line == "radial_coeffs") {
      in_radial = true;
    } else if (equals != line.npos) {
      const auto key = trimmed(line.substr(0, equals));
      in_radial = false;
      if (known_keys.count(key) == 0)
        source.fail(number, "found the unknown key " + quoted(key));
      const auto [earlier, is_new] = entries.values.try_emplace(
          std::string(key), Text{number, trimmed(line.substr(equals + 1))});
      if (!is_new)
        source.fail(number, std::string(key) + " is given again, first in line " +
                                std::to_string(earlier->second.line));
    } else if (in_radial) {
      entries.radial_lines.push_back({number, line});
    } else {
      source.fail(number, "found " + quoted(line) + " where 'key = value' belongs");
    }
  }
  return entries;
}

/// Turns the entries of a file into a potential.
class Interpreter {
public:
  Interpreter(const Source &source, const Entries &entries) : source_(source), entries_(entries) {}

  Potential potential() {
    if (const auto version = entry("version"); version.text != "1.1.0")
      source_.fail(version.line, "version: found " + quoted(version.text) +
                                     " where 1.1.0, that of MLIP-3, belongs");
    potential_.species_count = count("species_count", 1);
    read_radial_basis();
    read_radial_coefficients();
    read_basic_moments();
    read_products();
    read_scalars();
    potential_.shifts = coefficients("species_coeffs", "species_count", potential_.species_count);
    potential_.linear = coefficients("moment_coeffs", "alpha_scalar_moments",
                                     static_cast<int>(potential_.scalars.size()));
    return std::move(potential_);
  }

private:
  Text entry(const std::string &key) const {
    const auto found = entries_.values.find(key);
    if (found == entries_.values.end())
      source_.fail(source_.line(), "the potential ends here without " + key);
    return found->second;
  }

  ValueReader value(const std::string &key) const { return {source_, key, entry(key)}; }

  int count(const std::string &key, int lowest) const {
    auto reader = value(key);
    const int number = reader.whole(lowest, no_limit);
    reader.expect_end();
    return number;
  }

  double real(const std::string &key) const {
    auto reader = value(key);
    const double number = reader.real();
    reader.expect_end();
    return number;
  }

  void check_count(int line, const std::string &what, int found, const std::string &key,
                   int right) const {
    if (found != right)
      source_.fail(line, what + " has " + std::to_string(found) + " entries, but " + key + " is " +
                             std::to_string(right));
  }

  std::vector<double> coefficients(const std::string &key, const std::string &count_key,
                                   int right) const {
    auto reader = value(key);
    std::vector<double> numbers;
    const int found = reader.list([&] { numbers.push_back(reader.real()); });
    reader.expect_end();
    check_count(entry(key).line, key, found, count_key, right);
    return numbers;
  }

  void read_radial_basis() {
    if (const auto type = entry("radial_basis_type"); type.text != "RBChebyshev")
      source_.fail(type.line, "radial_basis_type: found " + quoted(type.text) +
                                  " where RBChebyshev, the only one known, belongs");
    potential_.closest = real("min_dist");
    if (potential_.closest < 0)
      value("min_dist").fail(quoted(entry("min_dist").text), "a distance of 0 or more");
    potential_.cutoff = real("max_dist");
    if (potential_.cutoff <= potential_.closest)
      value("max_dist").fail(quoted(entry("max_dist").text), "a distance larger than min_dist");
    potential_.chebyshev_count = count("radial_basis_size", 1);
    potential_.radial_count = count("radial_funcs_count", 1);
    if (entries_.values.count("scaling") != 0)
      potential_.scaling = real("scaling");
    if (potential_.scaling <= 0)
      value("scaling").fail(quoted(entry("scaling").text), "a number larger than 0");
  }

  void read_radial_coefficients() {
    auto line = entries_.radial_lines.begin();
    const auto next = [&](const std::string &right) {
      if (line != entries_.radial_lines.end())
        return *line++;
      const int last = line == entries_.radial_lines.begin() ? source_.line() : (line - 1)->line;
      source_.fail(last, "radial_coeffs end here without " + right);
    };
    for (int centre = 0; centre < potential_.species_count; ++centre)
      for (int neighbour = 0; neighbour < potential_.species_count; ++neighbour) {
        const auto pair = std::to_string(centre) + "-" + std::to_string(neighbour);
        if (const auto label = next("the types " + pair); label.text != pair)
          source_.fail(label.line, "radial_coeffs: found " + quoted(label.text) +
                                       " where the types " + pair + " belong");
        for (int radial = 0; radial < potential_.radial_count; ++radial) {
          const auto row = next("row " + std::to_string(radial + 1) + " of " +
                                std::to_string(potential_.radial_count) + " of the types " + pair);
          ValueReader reader(source_, "radial_coeffs", row);
          const int found = reader.list([&] { potential_.radial.push_back(reader.real()); });
          reader.expect_end();
          check_count(row.line, "radial_coeffs", found, "radial_basis_size",
                      potential_.chebyshev_count);
        }
      }
    if (line != entries_.radial_lines.end())
      source_.fail(line->line, "radial_coeffs: found " + quoted(line->text) +
                                   " after the last row of the last pair of types");
  }

  void read_basic_moments() {
    auto reader = value("alpha_index_basic");
    const int found = reader.list([&] {
      BasicMoment moment{};
      reader.expect('{');
      moment.radial = reader.whole(0, potential_.radial_count);
      int rank = 0;
      for (int &power : moment.powers) {
        reader.expect(',');
        power = reader.whole(0, highest_rank + 1 - rank);
        rank += power;
      }
      reader.expect('}');
      potential_.basic.push_back(moment);
    });
    reader.expect_end();
    check_count(entry("alpha_index_basic").line, "alpha_index_basic", found,
                "alpha_index_basic_count", count("alpha_index_basic_count", 0));
  }

  void read_products() {
    const int basic_count = static_cast<int>(potential_.basic.size());
    potential_.moment_count = count("alpha_moments_count", basic_count);
    std::vector<bool> is_read(potential_.moment_count, false);
    std::vector<bool> is_made(potential_.moment_count, false);
    std::fill_n(is_made.begin(), basic_count, true);
    auto reader = value("alpha_index_times");
    const int found = reader.list([&] {
      Product product{};
      reader.expect('{');
      product.left = reader.whole(0, potential_.moment_count);
      reader.expect(',');
      product.right = reader.whole(0, potential_.moment_count);
      reader.expect(',');
      product.factor = reader.whole(-no_limit, no_limit);
      reader.expect(',');
      product.target = reader.whole(basic_count, potential_.moment_count);
      reader.expect('}');
      is_read[product.left] = is_read[product.right] = true;
      is_made[product.target] = true;
      if (is_read[product.target])
        reader.fail("a product that adds to moment " + std::to_string(product.target) +
                        " after a product read it",
                    "a product of complete moments");
      potential_.products.push_back(product);
    });
    reader.expect_end();
    check_count(entry("alpha_index_times").line, "alpha_index_times", found,
                "alpha_index_times_count", count("alpha_index_times_count", 0));
    if (const auto missing = std::find(is_made.begin(), is_made.end(), false);
        missing != is_made.end())
      source_.fail(entry("alpha_moments_count").line,
                   "alpha_moments_count is " + std::to_string(potential_.moment_count) +
                       ", but no product makes moment " +
                       std::to_string(missing - is_made.begin()));
  }

  void read_scalars() {
    auto reader = value("alpha_moment_mapping");
    const int found = reader.list(
        [&] { potential_.scalars.push_back(reader.whole(0, potential_.moment_count)); });
    reader.expect_end();
    check_count(entry("alpha_moment_mapping").line, "alpha_moment_mapping", found,
                "alpha_scalar_moments", count("alpha_scalar_moments", 0));
  }

  const Source &source_;
  const Entries &entries_;
  Potential potential_;
};

/// Mode of the active set from the lines behind "#MVS_v1.1".
GradeMode read_grade_mode(Source &source) {
  const auto weight = [&](const std::string &key) {
    const auto [number, line] = source.next_line();
    if (line.substr(0, key.size() + 1) != key + " ")
      source.fail(number, "found " + quoted(line) + " where '" + key + " NUMBER' belongs");
    ValueReader reader(source, key, {number, line.substr(key.size())});
    const double found = reader.real();
    reader.expect_end();
    return found;
  };
  const double energy = weight("energy_weight");
  const double force = weight("force_weight");
  const double stress = weight("stress_weight");
  const double site = weight("site_en_weight");
  const bool configuration = energy == 1 && site == 0;
  const bool neighbourhood = energy == 0 && site == 1;
  if (force != 0 || stress != 0 || !(configuration || neighbourhood))
    source.fail(source.line(), "the active set has other weights than energy_weight 1 (a row a "
                               "configuration) or site_en_weight 1 (a row a neighbourhood) alone");
  if (weight("weight_scaling") != 2)
    source.fail(source.line(), "weight_scaling is not 2 (rows divided by the number of atoms)");
  return configuration ? GradeMode::configuration : GradeMode::neighbourhood;
}

ActiveSet read_active_set(Source &source, int parameter_count) {
  ActiveSet active_set{read_grade_mode(source), {}};
  const int line = source.line() + 1;
  auto binary = source.rest();
  if (binary.empty() || binary.front() != '#')
    source.fail(line, "found " + quoted(binary.substr(0, 1)) +
                          " where '#' and the matrices of the active set belong");
  binary.remove_prefix(1);
  const auto n = static_cast<std::size_t>(parameter_count);
  const auto matrix_bytes = n * n * sizeof(double);
  if (binary.size() / 2 < matrix_bytes || binary.substr(2 * matrix_bytes, 2) != "\n#")
    source.fail(line, "found " + std::to_string(binary.size()) +
                          " bytes of active set where two matrices of " + std::to_string(n) +
                          " x " + std::to_string(n) + " numbers (" +
                          std::to_string(2 * matrix_bytes) +
                          " bytes) and a line '#' behind them belong");
  std::vector<double> rows(n * n);
  std::vector<double> transposed_inverse(n * n);
  std::memcpy(rows.data(), binary.data(), matrix_bytes);
  std::memcpy(transposed_inverse.data(), binary.data() + matrix_bytes, matrix_bytes);

  std::vector<double> inverse_times_ones(n, 0.0);
  active_set.inverse.resize(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      active_set.inverse[j * n + i] = transposed_inverse[i * n + j];
      inverse_times_ones[j] += transposed_inverse[i * n + j];
    }
  for (std::size_t i = 0; i < n; ++i) {
    double one = 0;
    for (std::size_t j = 0; j < n; ++j)
      one += rows[i * n + j] * inverse_times_ones[j];
    if (!(std::abs(one - 1) < inverse_tolerance)) // also if it is not a number
      source.fail(line, "the two matrices of the active set are not inverse to each other (row " +
                            std::to_string(i + 1) + " of " + std::to_string(n) +
                            "): the file is damaged, or not the one of this potential");
  }
  return active_set;
}

} // namespace

std::string read_file(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::string content;
  std::array<char, 1 << 16> block;
  while (file.read(block.data(), block.size()) || file.gcount() > 0)
    content.append(block.data(), file.gcount());
  if (!file.is_open() || file.bad())
    throw FileError(path + ": cannot be read: no such file, a folder, or no permission");
  return content;
}

Potential parse_potential(const std::string &name, std::string_view content) {
  Source source(name, content);
  const auto entries = read_entries(source);
  auto potential = Interpreter(source, entries).potential();
  if (entries.has_active_set)
    potential.active_set = read_active_set(source, potential.parameter_count());
  return potential;
}

} // namespace mtp
