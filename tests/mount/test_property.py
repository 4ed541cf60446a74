"""Random documents through the mount: what is written is read back byte for byte, and the
platform holds that value. AMDAHL_TEST_SEED repeats a run."""
import json
import os
import random

import pytest

from amdahl import write
from fakeplatform import FakePlatform, Shape, normalised

NUMBERS = ["0", "-0", "1.0", "0.1", "1e2", "1E-7", "12345678901234567890", "-3.50", "1e+20"]
STRINGS = ['""', '"plain"', '"\\u00e9\\u4e2d"', '"é中"', '"\\ud83d\\ude00"', '"\\\\\\"\\/"',
           '"a\\tb\\n"', '"\\u0000"', '"</script>"', '"' + "long " * 200 + '"']


def blank(rng):
    return rng.choice(["", "", " ", "\n", "\t ", "\r\n", "    "])


def value(rng, depth):
    """A random JSON text, in a random spelling."""
    kind = rng.randrange(6 if depth > 0 else 3)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return rng.choice(STRINGS)
    if kind == 2:
        return rng.choice(["true", "false", "null", "[]", "{}"])
    inner = [value(rng, depth - 1) for _ in range(rng.randrange(5))]
    if kind == 3:
        return "[" + ",".join(blank(rng) + v + blank(rng) for v in inner) + "]"
    return "{" + ",".join(f'{blank(rng)}"k{rng.randrange(10 ** 6)}-{i}"{blank(rng)}:{v}'
                          for i, v in enumerate(inner)) + "}"


def spec(rng):
    nodes = ",".join('{"type":"Text","props":{"text":"%d","extra":%s}}'
                     % (rng.randrange(10 ** 9), value(rng, 4))
                     for _ in range(rng.randrange(1, 6)))
    return ('{"version"' + blank(rng) + ':1,"root":{"type":"Section","children":[' + nodes
            + "]}}" + blank(rng))


@pytest.mark.parametrize("normalise", [False, True])
def test_random_documents(mount_at, normalise):
    seed = int(os.environ.get("AMDAHL_TEST_SEED", random.SystemRandom().randrange(10 ** 6)))
    print(f"AMDAHL_TEST_SEED={seed}")
    rng = random.Random(seed)
    with FakePlatform(Shape(normalise=normalise)) as fake:
        page = fake.add_page("One")
        mount = mount_at(fake)
        path = mount.page("one") / "spec.json"
        for i in range(60):
            text = spec(rng)
            write(path, text)
            stored = json.loads(text)
            want = normalised(stored) if normalise else stored
            assert fake.pages[page]["spec"] == want, f"document {i} of seed {seed}"
            assert path.read_bytes() == text.encode(), f"document {i} of seed {seed}"
            if not normalise:
                assert text.strip().encode() in fake.requests[-1].body, "sent as it is"
        mount.stop()


def test_a_large_document(mount_at):
    """Five megabytes, in many writes."""
    with FakePlatform() as fake:
        page = fake.add_page("One")
        mount = mount_at(fake)
        nodes = ",\n".join('{"type": "Text", "props": {"text": "%s %d"}}' % ("paragraph " * 20, i)
                           for i in range(20_000))
        text = '{"version": 1, "root": {"type": "Section", "children": [' + nodes + "]}}\n"
        assert len(text) > 4_500_000
        write(mount.page("one") / "spec.json", text)
        assert fake.pages[page]["spec"] == json.loads(text)
        assert (mount.page("one") / "spec.json").read_text() == text
        mount.stop()
