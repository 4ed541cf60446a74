#!/bin/sh
# embed.sh FILE... - prints a C array that holds the text of each file.
set -eu
echo '#include "local/demo.h"'
echo 'const char *const demo_page_texts[] = {'
for file; do
    sed -e 's/[\\"]/\\&/g' -e 's/^/    "/' -e 's/$/\\n"/' "$file"
    echo '    ,'
done
echo '    0};'
