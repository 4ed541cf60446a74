#!/usr/bin/env python3
"""Writes the page templates as C: embed-templates.py OUT.c TEMPLATE.json..."""
import json
import sys


def c_string(text):
    """A C literal for each line, so that the generated file can be read."""
    def escape(byte):
        c = chr(byte)
        if c in '"\\':
            return '\\' + c
        if c == '\n':
            return '\\n'
        return c if 32 <= byte < 127 else f'\\{byte:03o}'
    lines = text.splitlines(keepends=True) or ['']
    return '\n'.join('    "' + ''.join(map(escape, line.encode())) + '"' for line in lines)


def main(out_path, paths):
    with open(out_path, 'w') as out:
        out.write('#include "local/templates.h"\n\n')
        out.write('const struct page_template page_templates[] = {\n')
        for path in paths:
            with open(path, encoding='utf-8') as f:
                text = f.read().rstrip('\n')
            fields = json.loads(text)
            out.write('{\n')
            for key in ('slug', 'name', 'intent'):
                out.write(c_string(fields[key]) + ',\n')
            out.write(c_string(text) + f',\n    {len(text.encode())}}},\n')
        out.write('};\n')
        out.write(f'const size_t page_template_count = {len(paths)};\n')


main(sys.argv[1], sys.argv[2:])
