// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer, for ordinary tests:
//
//   NAME FOLDER MUTATIONS
//
// gives it every file of FOLDER, then MUTATIONS changed ones, the same each time. The input that it
// is at is kept in NAME.input of the working directory.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" __attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                                                size_t max_size, unsigned seed);

namespace {

constexpr size_t kMaxSize = 4096;

std::minstd_rand& Random() {
  static std::minstd_rand random(20240229);
  return random;
}

size_t Below(size_t n) { return Random()() % n; }

void Run(const std::string& name, const std::vector<uint8_t>& input) {
  std::ofstream(name + ".input", std::ios::binary)
      .write(reinterpret_cast<const char*>(input.data()),
             static_cast<std::streamsize>(input.size()));
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size) {
  std::vector<uint8_t> bytes(data, data + size);
  const auto at = [&] {
    return bytes.begin() + static_cast<std::ptrdiff_t>(Below(bytes.size() + 1));
  };
  switch (Below(4)) {
    case 0:
      bytes.insert(at(), static_cast<uint8_t>(Below(256)));
      break;
    case 1:
      bytes.erase(at(), bytes.end());
      break;
    case 2:
      if (!bytes.empty()) bytes[Below(bytes.size())] ^= static_cast<uint8_t>(1U << Below(8));
      break;
    default:
      if (!bytes.empty())
        bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(Below(bytes.size())));
  }
  bytes.resize(std::min(bytes.size(), max_size));
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " FOLDER MUTATIONS\n";
    return 2;
  }
  const std::string name = std::filesystem::path(argv[0]).filename();
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) files.push_back(entry);
  std::sort(files.begin(), files.end());
  std::vector<std::vector<uint8_t>> inputs;
  for (const std::filesystem::path& file : files) {
    std::ifstream stream(file, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    Run(name, inputs.back());
  }
  if (inputs.empty()) {
    std::cerr << argv[1] << " holds no inputs\n";
    return 2;
  }
  const int mutations = std::atoi(argv[2]);
  for (int i = 0; i < mutations; ++i) {
    std::vector<uint8_t> input = inputs[Below(inputs.size())];
    size_t size = std::min(input.size(), kMaxSize);
    input.resize(kMaxSize);
    for (size_t changes = 1 + Below(2); changes > 0; --changes) {
      size = LLVMFuzzerCustomMutator != nullptr
                 ? LLVMFuzzerCustomMutator(input.data(), size, kMaxSize,
                                           static_cast<unsigned>(Random()()))
                 : LLVMFuzzerMutate(input.data(), size, kMaxSize);
    }
    input.resize(size);
    Run(name, input);
  }
  std::cout << inputs.size() << " inputs and " << mutations << " changed ones\n";
  return 0;
}
