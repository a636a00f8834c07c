#!/usr/bin/env bash
# Every test, by one command, on a fresh Debian 12: installs what is missing, builds with warnings as errors, runs.
#
#   tests/run.sh [CTEST-OPTION...]      for instance: tests/run.sh -L lint, tests/run.sh -R unit/test_block
#
# Four trees are built: dev, asan (address and undefined behaviour), tsan (threads: only what does not pass through
# libzmq, which is not instrumented) and fuzz (clang: the fuzz targets and nothing else). One ctest then runs the tests
# of all four, so that its summary and its exit status speak for everything. The names of the other trees' tests begin
# with asan/, tsan/ and fuzz/.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(gcc libc6-dev cmake ninja-build pkg-config libzmq3-dev libsqlite3-dev libcmocka-dev) # to build
packages+=(libc-ares-dev)                                                       # examples/resolve.c
packages+=(python3-minimal python3)                                            # the tests of the command line
packages+=(python3-zmq iproute2 util-linux)                                    # strangers, and network namespaces for hosts
packages+=(e2fsprogs mount)                                                    # a disk whose power fails, in tests/fault
packages+=(faketime)                                                           # clocks that step, in tests/fault
packages+=(clang-format shellcheck scdoc man-db bsdextrautils zsh)                 # tests/lint, and the manual
packages+=(clang libclang-rt-dev)                                              # tests/fuzz
packages+=(parallel paexec)                                                    # peers in tests/bench
packages+=(valgrind)                                                           # tests/api
packages+=(spin)                                                               # tests/model
bash .ci/need "${packages[@]}"

trees=(dev asan tsan fuzz)
mkdir -p build/all
: >build/all/CTestTestfile.cmake
for tree in "${trees[@]}"; do
    cmake --preset "$tree" >"build/all/configure-$tree.log" 2>&1 || { cat "build/all/configure-$tree.log"; exit 1; }
    cmake --build --preset "$tree"
    echo "subdirs (\"$PWD/build/$tree\")" >>build/all/CTestTestfile.cmake
done

places=$(($(nproc) * 3)) # a test takes two of them, unless it says that it mostly waits (tests/CMakeLists.txt)
exec ctest --test-dir build/all --parallel "$places" --output-on-failure --no-tests=error "$@" </dev/null
