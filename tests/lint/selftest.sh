#!/usr/bin/env bash
# Do the lints bite? Each line below is a sample that a lint must refuse, or one like it that it must let pass.
# The forbidden words are put together from pieces, so that this file may stand in the tree.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
checked=0

# sample LINT refuse|pass FILE TEXT
sample ()
{
    local lint=$1 wanted=$2 file=$3 text=$4 found=pass
    rm -rf "$scratch/tree"
    mkdir -p "$scratch/tree/$(dirname "$file")"
    cp "$here/../../.clang-format" "$scratch/tree/"
    printf '%b\n' "$text" >"$scratch/tree/$file"
    bash "$here/$lint.sh" "$scratch/tree" >"$scratch/out" 2>&1 || found=refuse
    checked=$((checked + 1))
    if [ $found != "$wanted" ]; then
        printf '%s: %s with "%s": wanted %s, was %s\n' "$lint" "$file" "$text" "$wanted" "$found"
        cat "$scratch/out"
        failed=1
    fi
}

sample layers refuse src/base/a.c '#include "core/block.h"'
sample layers refuse src/core/a.c '#include "net/socket.h"'
sample layers refuse src/core/a.c '#include "role/sink.h"'
sample layers refuse src/net/a.c '#include "run/child.h"'
sample layers refuse src/run/a.c '#include "store/spill.h"'
sample layers refuse src/store/a.h '  #  include "input/input.h"'
sample layers refuse src/input/a.c '#include "net/socket.h"'
sample layers refuse src/role/a.c '#include "cmd/config.h"'
sample layers refuse src/role/a.c '#include "api/desk.h"'
sample layers refuse src/cmd/a.c '#include "api/desk.h"'
sample layers refuse src/api/a.c '#include "cmd/config.h"'
sample layers refuse src/run/a.c '#include "child.h"'
sample layers refuse src/run/a.c '#include "../core/block.h"'
sample layers refuse src/kitchen/a.c '#include "core/block.h"'
sample layers refuse examples/a.c '#include "role/sink.h"'
sample layers refuse include/dishes.h '#include "core/block.h"'
sample layers refuse src/role/a.c '#include <czmq.h>'
for header in unistd.h time.h pthread.h sys/socket.h fcntl.h zmq.h signal.h math.h; do
    sample layers refuse src/core/a.c "#include <$header>"
done
sample layers refuse src/core/a.c 'int a (void)\n{\n    printf ("x");\n}'
sample layers refuse src/core/a.c 'static FILE *a;'
sample layers refuse src/core/a.c 'long a = random ();'
sample layers refuse src/base/a.c 'char *a = getenv ("A");'
sample layers refuse src/core/a.c '/* a\n b */ int a = rand ();'
sample layers pass src/core/a.c '#include "base/units.h"\n#include "core/block.h"\n#include <stdint.h>'
sample layers pass src/core/a.c '/* the time (of day)\n exit (1) */\n// printf ("x")\nint a_time (int now_time);'
sample layers pass src/core/a.c 'int a = snprintf (b, 3, "printf (");'
sample layers pass src/cmd/a.c '#include "role/sink.h"\n#include "core/block.h"'
sample layers pass src/role/a.c '#include "net/socket.h"\n#include "store/spill.h"\n#include <unistd.h>'
sample layers pass src/api/a.c '#include "role/control.h"\n#include "dishes.h"'
sample layers pass examples/a.c '#include <dishes.h>\n#include <stdio.h>'

sample format refuse src/core/a.c 'int a(void) { return 1; }'
sample format refuse tests/unit/a.c 'int  a;'
sample format refuse src/core/a.c '/*  a\n * b\n */'
sample format pass src/core/a.c 'int a (void)\n{\n    return 1;\n}'
sample format pass src/core/a.c '/*  a\n *  b\n *\n *    c\n */'

# shellcheck disable=SC2016 # the samples are not to be expanded
{
    sample shell refuse a.sh '#!/bin/sh\nrm $1'
    sample shell refuse .ci/run '#!/usr/bin/env bash\ncd "$1"'
    sample shell pass a.sh '#!/bin/sh\nrm "$1"'
    sample shell pass a.txt 'rm $1'
}

sample words refuse README.md "see /""work/dishes"
sample words refuse src/core/a.c "// /""root/x"
sample words refuse src/core/a.c "// TO""DO: more"
sample words refuse tests/cli/a.py "# FIX""ME"
sample words refuse doc/a.md "XX""X"
sample words refuse tests/unit/a.c "    usle""ep (100);"
sample words refuse tests/cli/test_a.py "    time.sle""ep (0.5)"
sample words refuse tests/a.sh "x & sle""ep 1"
sample words pass tests/cli/test_a.py 'self.dishes ("sleep 100", "{}")'
sample words pass src/core/a.c 'char name[] = "x.XXXXXX"; // src/work/x'

echo "$checked samples"
exit $failed
