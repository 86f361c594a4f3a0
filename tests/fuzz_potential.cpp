// SPDX-License-Identifier: MIT
// Damages potential files at random and reads them: each must be refused with a FileError or be
// read as a potential that can be evaluated. Meant to be compiled with sanitizers.
//
//     fuzz_potential SEED TIMES FILE...
#include "evaluator.h"
#include "potential.h"

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

using Generator = std::mt19937_64;

std::size_t below(std::size_t end, Generator &generator) {
  return std::uniform_int_distribution<std::size_t>(0, end - 1)(generator);
}

/// A place of a file to damage: anywhere, or, twice as often, at the beginning of a word of its
/// text, which is where the meaning is.
std::size_t place(const std::string &file, Generator &generator) {
  const std::size_t text_end = std::min(file.find("#MVS"), file.size());
  std::size_t at = below(file.size(), generator);
  if (below(3, generator) > 0) {
    at = file.find_first_of(" ={,", below(text_end, generator));
    at = at == file.npos ? 0 : at + 1;
  }
  return at;
}

void damage(std::string &file, Generator &generator) {
  static const char *const words[] = {"nan", "-1", "inf", "99999999999", "1e400",
                                      "0",   "}",  "{",   "{,",          "\r\n",
                                      "\n",  "",   "3",   "=",           "2147483648"};
  if (file.empty())
    return;
  const std::size_t at = place(file, generator);
  switch (below(5, generator)) {
  case 0: // another byte
    file[std::min(at, file.size() - 1)] = static_cast<char>(below(256, generator));
    break;
  case 1: // cut off
    file.resize(at);
    break;
  case 2: // something missing
    file.erase(at, 1 + below(40, generator));
    break;
  case 3: // something twice
    file.insert(at, file.substr(at, 1 + below(200, generator)));
    break;
  default: { // another word
    const std::size_t end = std::min(file.find_first_of(" ,}\n", at), file.size());
    file.replace(at, end - at, words[below(std::size(words), generator)]);
  }
  }
}

void evaluate(const mtp::Potential &potential) {
  const mtp::Tables tables(potential);
  mtp::Evaluator evaluator(tables);
  auto batch = evaluator.make_batch();
  auto &neighbourhood = batch.front();
  for (auto &neighbours : neighbourhood.neighbours) {
    neighbours.clear(3);
    for (int k = 1; k <= 3; ++k)
      neighbours.add(0.2 * k * tables.cutoff, 0, 0.1, k, true);
  }
  evaluator.evaluate_with_rows(batch.data(), 1);
  if (potential.active_set) {
    std::vector<double> grades(evaluator.batch_size());
    evaluator.grade_rows(mtp::PaddedInverse(potential.active_set->inverse), grades.data());
  }
}

} // namespace

int main(int argument_count, char **arguments) {
  if (argument_count < 4)
    return EXIT_FAILURE;
  Generator generator(std::strtoull(arguments[1], nullptr, 10));
  const int times = std::atoi(arguments[2]);
  std::vector<std::string> files;
  for (int k = 3; k < argument_count; ++k)
    files.push_back(mtp::read_file(arguments[k]));
  int refused = 0;
  for (int k = 0; k < times; ++k) {
    std::string file = files[below(files.size(), generator)];
    for (std::size_t left = 1 + below(3, generator); left > 0; --left)
      damage(file, generator);
    try {
      evaluate(mtp::parse_potential("damaged", file));
    } catch (const mtp::FileError &) {
      ++refused;
    }
  }
  std::printf("%d read, %d refused\n", times - refused, refused);
}
