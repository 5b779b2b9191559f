#include "checksum.hpp"
#include <benchmark/benchmark.h>

static void BM_Checksum(benchmark::State& state) {
    const auto bytes = data();
    for (auto _ : state) benchmark::DoNotOptimize(checksum(bytes));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(BM_Checksum);
BENCHMARK_MAIN();
