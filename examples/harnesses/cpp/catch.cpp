#define CATCH_CONFIG_MAIN
#define CATCH_CONFIG_ENABLE_BENCHMARKING
#include "checksum.hpp"
#include <catch2/catch.hpp>

TEST_CASE("checksum") {
    const auto bytes = data();
    BENCHMARK("checksum of the data") { return checksum(bytes); };
}
